//! `citytrack-bench ask`: asks the read API the same questions again and again, and says how long the answers take.

use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, header};

use crate::latency::Latencies;
use crate::target::Target;

/// Where to ask, and how often
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the API answers; only this machine is asked
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// A viewer token
    #[arg(long, env = "CITYTRACK_BENCH_TOKEN", hide_env_values = true)]
    token: String,
    /// How often each question is asked, one after the other on one connection
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    times: u32,
    /// How often each is asked before that, without being measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=100))]
    warm_up: u32,
}

/// Reads lines `what TAB path` and prints a row of a Markdown table for each: milliseconds (median, 95th percentile,
/// longest) from sending to the last byte, and the size of the answer.
pub(crate) fn run(args: &Args) -> Result<()> {
    Target::parse(&args.base_url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut out = stdout().lock();
        let client = Client::builder().timeout(Duration::from_secs(60)).build()?;
        for line in stdin().lock().lines() {
            let line = line?;
            let (what, path) = line.split_once('\t').context("a line is `what TAB path`")?;
            writeln!(out, "{}", row(args, &client, what, path).await?)?;
        }
        Ok(())
    })
}

async fn row(args: &Args, client: &Client, what: &str, path: &str) -> Result<String> {
    for _ in 0..args.warm_up {
        ask(args, client, path).await?;
    }
    let mut latencies = Latencies::new()?;
    let mut bytes = 0;
    for _ in 0..args.times {
        let start = Instant::now();
        bytes = ask(args, client, path).await?;
        latencies.record(start.elapsed());
    }
    let [p50, p95, max] = latencies.percentiles([0.5, 0.95, 1.0]);
    let kilobytes = f64::from(u32::try_from(bytes)?) / 1000.0;
    Ok(format!("| {what} | {p50:.1} | {p95:.1} | {max:.1} | {kilobytes:.1} |"))
}

/// How many bytes the answer has.
async fn ask(args: &Args, client: &Client, path: &str) -> Result<usize> {
    let url = format!("{}{path}", args.base_url.trim_end_matches('/'));
    let request = client
        .get(&url)
        .bearer_auth(&args.token)
        .header(header::ACCEPT, "application/json");
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    ensure!(
        status.is_success(),
        "{url}: {status} {}",
        String::from_utf8_lossy(&body)
    );
    Ok(body.len())
}
