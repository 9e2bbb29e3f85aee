//! Nexmark: CPU time an event, beside Flink's.
//!
//! Each query runs at two numbers of events, each run in a process of its own; the figure is the CPU time of the longer
//! run less that of the shorter, over the difference in events: what a running job pays, without start-up and planning.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use filbert_benches::nexmark::CountChar;
use filbert_benches::stats::{geometric_mean, median};
use filbert_benches::usage;
use filbert_table::{EnvironmentSettings, TableEnvironment};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
struct Args {
    /// Folder of the queries and of schema.sql.
    #[arg(long, default_value = "benches/nexmark")]
    queries: PathBuf,
    /// Only these queries, e.g. `q01,q05,cep0`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The two numbers of events.
    #[arg(long, value_delimiter = ',', default_value = "2000000,10000000")]
    events: Vec<u64>,
    #[arg(long, default_value_t = 3)]
    runs: usize,
    #[arg(long, default_value_t = 2)]
    parallelism: usize,
    /// Bundles of 2 s or 50,000 rows instead of the changelog of each record.
    #[arg(long)]
    mini_batch: bool,
    /// DISTINCT aggregates split by buckets, which is for skewed keys.
    #[arg(long)]
    split_distinct: bool,
    /// Where q10 writes.
    #[arg(long, default_value = "/tmp/filbert-nexmark")]
    out: PathBuf,
    /// Writes the figures as JSON, too.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Runs one query at the first number of events in this process and prints a JSON line.
    #[arg(long, hide = true)]
    inner: Option<PathBuf>,
}

fn main() {
    if let Err(error) = run(&Args::parse()) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run(args: &Args) -> Result<()> {
    if args.events.len() != 2 {
        return Err("--events takes two numbers: 2000000,10000000".into());
    }
    match &args.inner {
        Some(query) => run_inner(args, query),
        None => run_all(args),
    }
}

fn environment(args: &Args) -> Result<TableEnvironment> {
    let mut settings =
        EnvironmentSettings::streaming().with("parallelism.default", args.parallelism.to_string());
    settings = settings.with("table.dml-sync", "true");
    if args.mini_batch {
        for (key, value) in [
            ("table.exec.mini-batch.enabled", "true"),
            ("table.exec.mini-batch.allow-latency", "2 s"),
            ("table.exec.mini-batch.size", "50000"),
        ] {
            settings = settings.with(key, value);
        }
    }
    if args.split_distinct {
        settings = settings.with("table.optimizer.distinct-agg.split.enabled", "true");
    }
    let env = TableEnvironment::with_connectors(settings, filbert_connectors::registry()?)?;
    env.register_scalar_function(Arc::new(CountChar));
    Ok(env)
}

fn run_file(env: &TableEnvironment, args: &Args, path: &Path) -> Result<()> {
    let sql = std::fs::read_to_string(path)
        .map_err(|e| format!("{}: {e}", path.display()))?
        .replace("${EVENTS}", &args.events[0].to_string())
        .replace("${OUT}", &args.out.to_string_lossy());
    for statement in filbert_sql::parse_statements(&sql)? {
        env.execute(&statement)?.wait()?;
    }
    Ok(())
}

fn run_inner(args: &Args, query: &Path) -> Result<()> {
    let env = environment(args)?;
    run_file(&env, args, &args.queries.join("schema.sql"))?;
    if query.file_stem().is_some_and(|name| name == "q13") {
        run_file(&env, args, &args.queries.join("side_input.sql"))?;
    }
    let started = Instant::now();
    run_file(&env, args, query)?;
    let used = usage::now();
    println!(
        "{}",
        json!({ "wall_s": started.elapsed().as_secs_f64(), "cpu_s": used.cpu_s, "peak_mb": used.peak_mib })
    );
    Ok(())
}

/// The figures of one query at one size: medians over the runs.
struct Sample {
    wall_s: f64,
    cpu_s: f64,
    peak_mb: f64,
}

fn run_all(args: &Args) -> Result<()> {
    let flink: Value =
        serde_json::from_str(&std::fs::read_to_string(args.queries.join("flink.json"))?)?;
    let mut lines = serde_json::Map::new();
    let mut ratios = Vec::new();
    println!("query  CPU us/event  Flink's best   ratio   events/s  peak MB");
    for name in names(args)? {
        let (small, large) = match measure(args, &name) {
            Ok(samples) => samples,
            Err(error) => {
                println!("{name:5}  {error}");
                continue;
            }
        };
        let events = (args.events[1] - args.events[0]) as f64;
        let cpu_us = (large.cpu_s - small.cpu_s) / events * 1e6;
        let best = flink["queries"][&name]["cpu_us_per_event"].as_f64();
        let ratio = best.map(|best| cpu_us / best);
        ratios.extend(ratio);
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
        println!(
            "{name:5}  {cpu_us:12.3}  {:>12}  {:>6}  {:9.0}  {:7.0}",
            shown(best),
            shown(ratio),
            args.events[1] as f64 / large.wall_s,
            large.peak_mb,
        );
        lines.insert(
            name,
            json!({ "cpu_us_per_event": cpu_us, "ratio": ratio, "wall_s": large.wall_s, "peak_mb": large.peak_mb }),
        );
    }
    println!(
        "geometric mean of the ratios: {:.3}",
        geometric_mean(&ratios)
    );
    if let Some(path) = &args.json {
        let figures = json!({ "parallelism": args.parallelism, "mini_batch": args.mini_batch, "events": args.events, "queries": lines });
        std::fs::write(path, serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(())
}

fn names(args: &Args) -> Result<Vec<String>> {
    if !args.only.is_empty() {
        return Ok(args.only.clone());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&args.queries)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.extension().is_some_and(|e| e == "sql")
            && (stem.starts_with('q') || stem.starts_with("cep"))
        {
            names.push(stem.into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn measure(args: &Args, name: &str) -> Result<(Sample, Sample)> {
    let mut samples: [Vec<[f64; 3]>; 2] = Default::default();
    for _ in 0..args.runs {
        for (size, samples) in samples.iter_mut().enumerate() {
            samples.push(run_process(args, name, args.events[size])?);
        }
    }
    let [small, large] = samples.map(|runs| {
        let column = |i: usize| median(&runs.iter().map(|run| run[i]).collect::<Vec<_>>());
        Sample {
            wall_s: column(0),
            cpu_s: column(1),
            peak_mb: column(2),
        }
    });
    Ok((small, large))
}

fn run_process(args: &Args, name: &str, events: u64) -> Result<[f64; 3]> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--inner")
        .arg(args.queries.join(format!("{name}.sql")))
        .arg("--queries")
        .arg(&args.queries)
        .arg("--out")
        .arg(&args.out)
        .arg("--events")
        .arg(format!("{events},{events}"))
        .arg("--parallelism")
        .arg(args.parallelism.to_string());
    if args.mini_batch {
        command.arg("--mini-batch");
    }
    if args.split_distinct {
        command.arg("--split-distinct");
    }
    // q10's files of an earlier run would be kept beside the new ones.
    let _ = std::fs::remove_dir_all(&args.out);
    let output = command.output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(error.lines().next().unwrap_or("failed").to_owned().into());
    }
    let line: Value = serde_json::from_slice(&output.stdout)?;
    let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
    Ok([number("wall_s"), number("cpu_s"), number("peak_mb")])
}
