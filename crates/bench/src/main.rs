//! `citytrack-bench`: drives a running system on this machine and measures it.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    citytrack_bench::Command::parse().run()
}
