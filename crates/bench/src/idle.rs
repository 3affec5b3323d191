//! `citytrack-bench idle`: what open connections that do nothing cost a server in memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::clock::wall_millis;
use crate::fleet::Fleet;
use crate::load::{Connection, Recipe, Template};
use crate::plan::{Dialect, Layout, Plan};
use crate::processes::{Root, proportional};
use crate::scene::Scene;
use crate::target::Target;

/// Which server, and how many connections
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where batches are posted; only this machine is driven
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// Venue, nodes and keys as `prepare` wrote them
    #[arg(long)]
    fleet: PathBuf,
    /// The server's process, as NAME=PID; started a moment ago, or memory that it has free already hides the cost
    #[arg(long)]
    process: Root,
    /// How many connections
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    process: String,
    connections: u32,
    /// Memory of the server after the first request ever.
    before_mb: f64,
    /// With all connections open, none of them used yet.
    open_mb: f64,
    /// After each connection has posted a batch of ten detections, all still open.
    served_mb: f64,
    /// What the connections cost: `served_mb` without `before_mb`.
    cost_mb: f64,
    faults: Vec<String>,
}

/// Long enough that a server has accepted and settled, shorter than it waits for a first request.
const SETTLE: Duration = Duration::from_millis(700);

/// Opens the connections, uses each once or twice, and prints one JSON line.
#[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(measure(args))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn measure(args: &Args) -> Result<Outcome> {
    let mut poster = Poster::new(args)?;
    let mut connections: Vec<_> = (0..=args.connections).map(|_| poster.connection()).collect();
    let (first, others) = connections.split_at_mut(1);
    let mut refused = poster.post(first).await?;
    let memory = || proportional(args.process.pid) as f64 / 1e6;
    tokio::time::sleep(SETTLE).await;
    let before = memory();
    for connection in others.iter_mut() {
        connection.open().await?;
    }
    tokio::time::sleep(SETTLE).await;
    let open = memory();
    refused += poster.post(others).await?;
    tokio::time::sleep(SETTLE).await;
    let served = memory();
    // A connection that the server has closed meanwhile fails here.
    refused += poster.post(others).await?;
    ensure!(
        before > 0.0,
        "the memory of process {} cannot be read",
        args.process.pid
    );
    Ok(Outcome {
        kind: "idle",
        process: args.process.name.clone(),
        connections: args.connections,
        before_mb: before,
        open_mb: open,
        served_mb: served,
        cost_mb: served - before,
        faults: (refused > 0)
            .then(|| format!("refused: {refused}"))
            .into_iter()
            .collect(),
    })
}

struct Poster {
    target: Arc<Target>,
    plan: Plan,
    template: Template,
    count: u32,
}

impl Poster {
    fn new(args: &Args) -> Result<Self> {
        let target = Target {
            path: "/api/v1/detections".to_owned(),
            ..Target::parse(&args.base_url)?
        };
        let layout = Layout {
            frames: 1,
            per_frame: 10,
        };
        let fleet = Fleet::read(&args.fleet)?;
        let template = Template::new(&Recipe {
            target: &target,
            dialect: Dialect::Citytrack,
            layout,
            node: &fleet.nodes[0].slug,
            key: &fleet.nodes[0].key,
            cameras: 4,
            frame_millis: 40,
            ledger: false,
            scene: &Scene::walk(),
            variant: 0,
        })?;
        Ok(Self {
            target: Arc::new(target),
            plan: Plan::new(Dialect::Citytrack, layout, 100_000, rand::random())?,
            template,
            count: 0,
        })
    }

    fn connection(&self) -> Connection {
        Connection::new(self.target.clone())
    }

    /// Posts a batch on each connection, one after the other; says how many were refused.
    async fn post(&mut self, connections: &mut [Connection]) -> Result<u32> {
        let mut refused = 0;
        for connection in connections {
            let (id, frame) = (self.plan.ids.id(self.count, wall_millis()), self.plan.frame(self.count));
            let (status, _) = connection
                .exchange(self.template.stamp(id, frame, wall_millis()))
                .await?;
            refused += u32::from(!(200..300).contains(&status));
            self.count += 1;
        }
        Ok(refused)
    }
}
