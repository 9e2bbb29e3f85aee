//! Streaming = batch over random queries and changelogs. `FILBERT_RANDOM_CASES` and `FILBERT_RANDOM_SEED` run more, or
//! others: `FILBERT_RANDOM_CASES=100000 cargo test --release -p filbert-sql-tests --test random`.

use std::time::Duration;

use filbert_sql_tests::random::run_cases;

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or(default),
        Err(_) => default,
    }
}

#[test]
fn streaming_comes_to_what_batch_says() {
    let cases = number("FILBERT_RANDOM_CASES", 2000);
    let minutes = if cases > 2000 { 24 * 60 } else { 8 };
    let tally = run_cases(
        number("FILBERT_RANDOM_SEED", 0),
        cases,
        Duration::from_secs(60 * minutes),
    );
    for (reason, count) in &tally.unsupported {
        println!("{count} times: {reason}");
    }
    println!("{} cases agree", tally.agreed);
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
}
