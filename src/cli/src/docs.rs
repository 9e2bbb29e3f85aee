//! `filbert docs FOLDER`: the reference pages, made from the tables in the code.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use filbert_connector_api::ConnectorRegistry;
use filbert_functions::{aggregate, builtins, window};
use filbert_sql::reference::STATEMENTS;
use filbert_types::{ConfigOption, options};

const NOTE: &str =
    "<!-- Made by `filbert docs docs/reference` from the tables in the code: edit those. -->\n";

/// The pages: file name and text.
pub fn pages(connectors: &ConnectorRegistry) -> Vec<(&'static str, String)> {
    vec![
        ("statements.md", statements()),
        ("configuration.md", configuration()),
        ("connectors.md", connector_page(connectors)),
        ("formats.md", format_page(connectors)),
        ("functions.md", functions()),
    ]
}

/// Writes the pages into `folder`; with `check`, only compares, and names the pages that are stale.
///
/// # Errors
/// When a page can't be written.
pub fn write(
    folder: &Path,
    check: bool,
    connectors: &ConnectorRegistry,
) -> std::io::Result<Vec<String>> {
    let mut stale = Vec::new();
    for (name, text) in pages(connectors) {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        stale.push(name.to_owned());
        if !check {
            fs::create_dir_all(folder)?;
            fs::write(&path, text)?;
        }
    }
    Ok(stale)
}

fn page(title: &str) -> String {
    format!("{NOTE}\n# {title}\n")
}

/// Appends lines; writing to a `String` can't fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => { let _ = writeln!($out, $($arg)*); };
}

fn statements() -> String {
    let mut out = page("Statements");
    for statement in STATEMENTS {
        put!(
            out,
            "\n## {}\n\n```sql\n{}\n```\n\n{}",
            statement.name,
            statement.syntax,
            statement.doc
        );
    }
    out
}

fn configuration() -> String {
    let mut out = page("Configuration");
    put!(
        out,
        "\n`SET 'key' = 'value';` in a session, `-D key=value` on the command line."
    );
    for (section, options) in options::HONOURED {
        put!(out, "\n## {section}\n");
        option_table(&mut out, options, "");
    }
    out
}

fn option_table(out: &mut String, options: &[ConfigOption], prefix: &str) {
    put!(out, "| key | type | default | meaning |\n|---|---|---|---|");
    for option in options {
        let default = match option.default {
            Some("") | None if option.required => "required".to_owned(),
            None => "none".to_owned(),
            Some(default) => format!("`{}`", escape(default)),
        };
        let doc = escape(option.doc);
        put!(
            out,
            "| `{prefix}{}` | {} | {default} | {doc} |",
            option.key,
            option.ty.name()
        );
    }
}

fn connector_page(connectors: &ConnectorRegistry) -> String {
    let mut out = page("Connectors");
    for factory in connectors.tables() {
        put!(out, "\n## {}\n\n{}\n", factory.identifier(), factory.doc());
        if factory.options().is_empty() {
            put!(out, "No options.");
        } else {
            option_table(&mut out, factory.options(), "");
        }
        if factory.uses_format() {
            put!(
                out,
                "\nThe options of the [format](formats.md) come with its name in front."
            );
        }
    }
    out
}

fn format_page(connectors: &ConnectorRegistry) -> String {
    let mut out = page("Formats");
    for factory in connectors.formats() {
        let name = factory.identifier();
        put!(out, "\n## {name}\n\n{}\n", factory.doc());
        if factory.options().is_empty() {
            put!(out, "No options.");
        } else {
            option_table(&mut out, factory.options(), &format!("{name}."));
        }
    }
    out
}

fn functions() -> String {
    let mut out = page("Functions");
    put!(
        out,
        "\nOperators, `CASE`, `CAST` and `TRY_CAST` are part of the grammar; names are not case-sensitive."
    );
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for function in builtins::all().filter(|f| !f.hidden) {
        rows.push((
            function.name.to_owned(),
            function.signatures.join("\n"),
            function.doc.to_owned(),
        ));
    }
    scalar_table(&mut out, "Scalar functions", rows);
    let rows = aggregate::definitions::all()
        .filter(|a| !a.signature.hidden)
        .map(|a| {
            let signature = &a.signature;
            (
                signature.name.to_owned(),
                signature.signatures.join("\n"),
                signature.doc.to_owned(),
            )
        });
    scalar_table(&mut out, "Aggregate functions", rows.collect());
    let rows = window::all()
        .map(|(name, signatures, doc)| (name.to_owned(), signatures.join("\n"), doc.to_owned()));
    scalar_table(&mut out, "Window functions", rows.collect());
    out
}

fn scalar_table(out: &mut String, title: &str, mut rows: Vec<(String, String, String)>) {
    rows.sort();
    put!(out, "\n## {title}\n\n| function | forms | |\n|---|---|---|");
    for (name, signatures, doc) in rows {
        let forms: Vec<String> = signatures
            .lines()
            .map(|s| format!("`{}`", escape(s)))
            .collect();
        put!(
            out,
            "| `{}` | {} | {} |",
            escape(&name),
            forms.join("<br>"),
            escape(&doc)
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// `cargo run -- docs docs/reference` mends it.
    #[test]
    fn reference_pages_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
        let registry = filbert_connectors::registry().unwrap();
        assert_eq!(
            super::write(&folder, true, &registry).unwrap(),
            Vec::<String>::new()
        );
    }
}
