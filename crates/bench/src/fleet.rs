//! The nodes whose keys the load is sent with.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// A venue with nodes and keys, as `prepare` writes it and `ingest` reads it. It holds secrets.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fleet {
    pub(crate) venue: String,
    /// How many venues the nodes belong to, in turn; `venue` is the first.
    #[serde(default = "one")]
    pub(crate) venues: u32,
    /// For the live feed.
    pub(crate) viewer_token: Option<String>,
    pub(crate) nodes: Vec<Node>,
}

fn one() -> u32 {
    1
}

/// A node and its key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) slug: String,
    pub(crate) key: String,
}

impl Fleet {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let fleet: Self = serde_json::from_slice(&text).with_context(|| format!("not a fleet: {}", path.display()))?;
        ensure!(!fleet.nodes.is_empty(), "{}: no nodes", path.display());
        Ok(fleet)
    }

    /// The nodes that each of the systems compared with knows: `node-001` has the key `key-node-001`, and so on.
    pub(crate) fn of_a_peer(count: u32) -> Self {
        let slugs = (1..=count).map(|n| format!("node-{n:03}"));
        Self {
            venue: String::new(),
            venues: 1,
            viewer_token: None,
            nodes: slugs
                .map(|slug| Node {
                    key: format!("key-{slug}"),
                    slug,
                })
                .collect(),
        }
    }
}
