//! TPC-H over Parquet: Filbert's CPU time beside DataFusion's.
//!
//! With `--peer`, runs alternate between the two engines, each in a process of its own, so that a drift of the machine's
//! speed hits both. A process runs a query once to warm up and then once more, which counts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::Parser;
use filbert_benches::stats::{geometric_mean, median};
use filbert_benches::usage;
use filbert_table::{EnvironmentSettings, TableEnvironment};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
struct Args {
    /// The folder that `tpch-data` filled.
    #[arg(long)]
    data: PathBuf,
    /// Folder of the queries and of schema.sql.
    #[arg(long, default_value = "benches/tpch")]
    queries: PathBuf,
    /// Only these queries, e.g. `1,6,18`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<u32>,
    #[arg(long, default_value_t = 5)]
    runs: usize,
    #[arg(long, default_value_t = 2)]
    parallelism: usize,
    /// The `datafusion-peer` binary to alternate with.
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Runs one query in this process and prints a JSON line a run.
    #[arg(long, hide = true)]
    inner: Option<PathBuf>,
}

#[derive(Default)]
struct Samples {
    wall_s: Vec<f64>,
    cpu_s: Vec<f64>,
    rows: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    match &args.inner {
        Some(query) => run_inner(&args, query),
        None => compare(&args),
    }
}

fn run_inner(args: &Args, query: &Path) -> Result<()> {
    let settings =
        EnvironmentSettings::batch().with("parallelism.default", args.parallelism.to_string());
    let env = TableEnvironment::with_connectors(settings, filbert_connectors::registry()?)?;
    let schema = std::fs::read_to_string(args.queries.join("schema.sql"))?;
    let schema = schema.replace("${DATA}", &args.data.to_string_lossy());
    for statement in filbert_sql::parse_statements(&schema)? {
        env.execute(&statement)?;
    }
    let sql = std::fs::read_to_string(query)?;
    for _ in 0..args.runs {
        let (started, before) = (Instant::now(), usage::now());
        let batches = env.execute_sql(&sql)?.collect()?;
        let rows: usize = batches
            .iter()
            .map(filbert_types::ChangeBatch::num_rows)
            .sum();
        let line = serde_json::json!({
            "wall_s": started.elapsed().as_secs_f64(), "cpu_s": usage::now().cpu_s - before.cpu_s, "rows": rows,
        });
        println!("{line}");
    }
    Ok(())
}

fn compare(args: &Args) -> Result<()> {
    let numbers: Vec<u32> = match args.only.as_slice() {
        [] => (1..=22).collect(),
        only => only.to_vec(),
    };
    let mut ratios = Vec::new();
    println!("query   wall s    cpu s   peer wall s  peer cpu s  cpu ratio   rows");
    for number in numbers {
        let query = args.queries.join(format!("q{number:02}.sql"));
        let (mut ours, mut peers) = (Samples::default(), Samples::default());
        for _ in 0..args.runs {
            sample(&mut ours, ours_command(args, &query)?)?;
            if let Some(peer) = &args.peer {
                sample(&mut peers, peer_command(args, peer, &query))?;
            }
        }
        let ratio = median(&ours.cpu_s) / median(&peers.cpu_s);
        let rows = if args.peer.is_some() && ours.rows != peers.rows {
            format!("{} (peer {})", ours.rows, peers.rows)
        } else {
            ours.rows.to_string()
        };
        println!(
            "q{number:02}   {:8.3} {:8.3}    {:8.3}    {:8.3}   {ratio:8.3}   {rows}",
            median(&ours.wall_s),
            median(&ours.cpu_s),
            median(&peers.wall_s),
            median(&peers.cpu_s),
        );
        ratios.push(ratio);
    }
    if args.peer.is_some() {
        println!(
            "geometric mean of the CPU ratios: {:.3}",
            geometric_mean(&ratios)
        );
    }
    Ok(())
}

fn ours_command(args: &Args, query: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "--runs",
        "2",
        "--parallelism",
        &args.parallelism.to_string(),
    ]);
    command
        .arg("--data")
        .arg(&args.data)
        .arg("--queries")
        .arg(&args.queries);
    command.arg("--inner").arg(query);
    Ok(command)
}

fn peer_command(args: &Args, peer: &Path, query: &Path) -> Command {
    let mut command = Command::new(peer);
    command
        .arg(&args.data)
        .args(["2", &args.parallelism.to_string()])
        .arg(query);
    command
}

/// Runs the command and keeps the figures of its last line.
fn sample(samples: &mut Samples, mut command: Command) -> Result<()> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().ok_or("the run printed nothing")?;
    let line: serde_json::Value = serde_json::from_str(last)?;
    let number = |key: &str| {
        line[key]
            .as_f64()
            .ok_or_else(|| format!("no {key} in {line}"))
    };
    samples.wall_s.push(number("wall_s")?);
    samples.cpu_s.push(number("cpu_s")?);
    samples.rows = line["rows"].as_u64().unwrap_or(0);
    Ok(())
}
