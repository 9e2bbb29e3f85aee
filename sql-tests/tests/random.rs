//! Streaming = batch over random queries: over changelogs, and over time, with input out of order and in parts.
//! `FILBERT_RANDOM_CASES` and `FILBERT_RANDOM_SEED` run more, or others:
//! `FILBERT_RANDOM_CASES=100000 cargo test --release -p filbert-sql-tests --test random`.

use std::time::Duration;

use filbert_sql_tests::random::{Outcome, Tally, run_case, run_cases, run_expressions};

/// Cases that are known to differ, each with its defect: counted apart until that is mended.
const OPEN: &[(u64, &str)] = &[];

fn run_case_unless_open(seed: u64) -> Outcome {
    let open = OPEN.iter().find(|(known, _)| *known == seed);
    match (run_case(seed), open) {
        (Outcome::Differs(_), Some((_, defect))) => {
            Outcome::Unsupported(format!("open, seed {seed}: {defect}"))
        }
        (outcome, _) => outcome,
    }
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or(default),
        Err(_) => default,
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what a run of many cases comes to is its output"
)]
fn check(tally: &Tally) {
    for (reason, count) in &tally.unsupported {
        println!("{count} times: {reason}");
    }
    println!("{} cases agree", tally.agreed);
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
}

#[test]
fn streaming_comes_to_what_batch_says() {
    let cases = number("FILBERT_RANDOM_CASES", 2000);
    let minutes = if cases > 2000 { 24 * 60 } else { 8 };
    let seed = number("FILBERT_RANDOM_SEED", 0);
    let most = Duration::from_secs(60 * minutes);
    check(&run_cases(seed, cases, most, run_case_unless_open));
}

#[test]
fn neither_order_nor_parts_nor_cuts_change_what_time_decides() {
    let cases = number("FILBERT_RANDOM_CASES", 600);
    let minutes = if cases > 600 { 24 * 60 } else { 2 };
    let seed = number("FILBERT_RANDOM_SEED", 0);
    let most = Duration::from_secs(60 * minutes);
    check(&run_cases(
        seed,
        cases,
        most,
        filbert_sql_tests::time::run_case,
    ));
}

#[test]
fn scalar_expressions_are_the_same_in_both_modes() {
    let cases = number("FILBERT_RANDOM_EXPRESSIONS", 150);
    let seed = number("FILBERT_RANDOM_SEED", 0);
    let most = Duration::from_secs(60 * 4);
    check(&run_cases(seed, cases, most, run_expressions));
}
