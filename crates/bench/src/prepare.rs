//! `citytrack-bench prepare`: venues with nodes and keys of their own, made through the control API as an operator would.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::fleet::{Fleet, Node};
use crate::target::Target;

/// Where the control API is, and what to make
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the control API answers; only this machine is driven
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// The administrator's token
    #[arg(long, env = "CITYTRACK_ADMINISTRATOR__TOKEN", hide_env_values = true)]
    token: String,
    /// Slug of the new venue [default: `bench-` and a random number]
    #[arg(long)]
    venue: Option<String>,
    /// How many venues; their slugs begin with the first one's
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    venues: u32,
    /// How many nodes, which belong to the venues in turn
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    nodes: u32,
    /// The file to write; it holds secrets and is readable by its owner only
    #[arg(long)]
    out: PathBuf,
}

/// Makes the fleet and writes it down.
pub(crate) fn run(args: &Args) -> Result<()> {
    Target::parse(&args.base_url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fleet = runtime.block_on(make(args))?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&args.out)?;
    file.write_all(&serde_json::to_vec(&fleet)?)
        .with_context(|| format!("cannot write {}", args.out.display()))
}

/// Requests to the control API at once.
const AT_ONCE: usize = 8;

async fn make(args: &Args) -> Result<Fleet> {
    let api = Api {
        client: reqwest::Client::new(),
        args,
    };
    let name = args.venue.clone();
    let name = name.unwrap_or_else(|| format!("bench-{:08x}", rand::random::<u32>()));
    let venues: Vec<_> = (0..args.venues)
        .map(|n| if n == 0 { name.clone() } else { format!("{name}-{n}") })
        .collect();
    let made = stream::iter(&venues).map(|venue| api.venue(venue)).buffered(AT_ONCE);
    made.try_collect::<Vec<()>>().await?;
    let places = (1..=args.nodes).zip(venues.iter().cycle());
    let nodes = stream::iter(places)
        .map(|(n, venue)| api.node(venue, n))
        .buffered(AT_ONCE);
    let nodes = nodes.try_collect().await?;
    let viewer = api
        .post("viewer-tokens", json!({"venues": [name], "ttl": "8h"}))
        .await?;
    Ok(Fleet {
        venue: name,
        venues: args.venues,
        viewer_token: Some(text(&viewer, "token")?),
        nodes,
    })
}

fn text(answer: &Value, field: &str) -> Result<String> {
    let text = answer[field]
        .as_str()
        .with_context(|| format!("the answer has no {field}"))?;
    Ok(text.to_owned())
}

struct Api<'a> {
    client: reqwest::Client,
    args: &'a Args,
}

impl Api<'_> {
    async fn venue(&self, slug: &str) -> Result<()> {
        let venue = json!({"slug": slug, "name": "Benchmark", "time_zone": "UTC"});
        self.post("venues", venue).await.map(drop)
    }

    async fn node(&self, venue: &str, n: u32) -> Result<Node> {
        let slug = format!("node-{n:03}");
        let node = self
            .post(&format!("venues/{venue}/nodes"), json!({"slug": slug}))
            .await?;
        let key = self
            .post(&format!("nodes/{}/keys", text(&node, "id")?), json!({}))
            .await?;
        let key = text(&key, "key")?;
        Ok(Node { slug, key })
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let url = format!("{}/api/v1/{path}", self.args.base_url.trim_end_matches('/'));
        let answer = self
            .client
            .post(&url)
            .bearer_auth(&self.args.token)
            .json(&body)
            .send()
            .await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{url}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }
}
