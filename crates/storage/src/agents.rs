//! Which program each node runs, as its batches say; written only when that changes.

use std::collections::{BTreeMap, HashMap};

use citytrack_domain::{Agent, Batch};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{Client, Error};

/// When more nodes than this are remembered, all are forgotten and written again: a bound on memory, not on their number.
const REMEMBERED_NODES: usize = 100_000;

/// What was written last of each node, so that PostgreSQL is told only what is new.
#[derive(Debug, Default)]
pub(crate) struct Agents(HashMap<Uuid, Agent>);

impl Agents {
    /// Forgets what was written.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Writes what the newest of the batches of each node says, where it is not what the node said before. Batches of nodes
    /// that do not say change nothing.
    pub(crate) async fn learn(&mut self, client: &Client, batches: &[Batch]) -> Result<(), Error> {
        let mut newest: BTreeMap<Uuid, (Timestamp, &Agent)> = BTreeMap::new();
        for batch in batches {
            if let Some(agent) = &batch.agent {
                let said = newest.entry(batch.source.id).or_insert((batch.received_at, agent));
                if batch.received_at > said.0 {
                    *said = (batch.received_at, agent);
                }
            }
        }
        newest.retain(|node, (_, agent)| self.0.get(node) != Some(*agent));
        if newest.is_empty() {
            return Ok(());
        }
        write(client, &newest).await?;
        if self.0.len() > REMEMBERED_NODES {
            self.0.clear();
        }
        self.0
            .extend(newest.into_iter().map(|(node, (_, agent))| (node, agent.clone())));
        Ok(())
    }
}

/// In the order of the nodes, so that two writers never wait for each other in a circle. What was said before the row is left
/// out: batches of the past may come late, by another worker.
async fn write(client: &Client, newest: &BTreeMap<Uuid, (Timestamp, &Agent)>) -> Result<(), Error> {
    let nodes: Vec<Uuid> = newest.keys().copied().collect();
    let agents: Vec<&str> = newest.values().map(|(_, agent)| agent.as_str()).collect();
    let times: Vec<Timestamp> = newest.values().map(|(at, _)| *at).collect();
    let upsert = "insert into node_agent (node_id, agent, seen_at)
         select * from unnest($1::uuid[], $2::text[], $3::timestamptz[])
         on conflict (node_id) do update set agent = excluded.agent, seen_at = excluded.seen_at
         where node_agent.agent <> excluded.agent and node_agent.seen_at <= excluded.seen_at";
    client.execute(upsert, &[&nodes, &agents, &times]).await?;
    Ok(())
}
