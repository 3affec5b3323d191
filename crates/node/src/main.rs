//! `citytrack-node`: see `citytrack-node --help` and `docs/node-client.md`.

use std::process::ExitCode;

use citytrack_node::app;
use citytrack_node::cli::Cli;
use clap::Parser;

// One thread is plenty: a node mostly waits, for the next frame or for an answer.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    app::run(Cli::parse()).await
}
