//! `datafusion-peer DATA_FOLDER RUNS PARALLELISM QUERY.sql ...`: runs each query so many times over the Parquet files of
//! DATA_FOLDER and prints a JSON line a run: `{"query": .., "wall_s": .., "cpu_s": .., "rows": ..}`. With the
//! environment variable `ROWS` set, it prints each query's rows instead.

use std::path::Path;
use std::time::Instant;

use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [data, runs, parallelism, queries @ ..] = args.as_slice() else {
        return Err("usage: datafusion-peer DATA_FOLDER RUNS PARALLELISM QUERY.sql ...".into());
    };
    let parallelism: usize = parallelism.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(parallelism)
        .enable_all()
        .build()?;
    runtime.block_on(run(data, runs.parse()?, parallelism, queries))
}

async fn run(data: &str, runs: usize, parallelism: usize, queries: &[String]) -> Result<()> {
    let config = SessionConfig::new().with_target_partitions(parallelism);
    let ctx = SessionContext::new_with_config(config);
    for table in [
        "lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region",
    ] {
        let path = format!("{data}/{table}/");
        ctx.register_parquet(table, path, ParquetReadOptions::default()).await?;
    }
    for query in queries {
        let sql = std::fs::read_to_string(query)?;
        let name = Path::new(query).file_stem().unwrap_or_default().to_string_lossy();
        if std::env::var_os("ROWS").is_some() {
            println!("{name}");
            ctx.sql(&sql).await?.show().await?;
            continue;
        }
        for _ in 0..runs {
            let (started, cpu) = (Instant::now(), cpu_seconds());
            let batches = ctx.sql(&sql).await?.collect().await?;
            let rows: usize = batches.iter().map(|b| b.num_rows()).sum();
            let line = serde_json::json!({
                "query": name, "wall_s": started.elapsed().as_secs_f64(), "cpu_s": cpu_seconds() - cpu, "rows": rows,
            });
            println!("{line}");
        }
    }
    Ok(())
}

/// CPU seconds, user and system, that this process has used.
fn cpu_seconds() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the struct that it is given, and fails only for an unknown `who`.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
