//! Node keys: only their hashes are known here.

use citytrack_domain::NodeIdentity;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Change, Database, Error, column, nodes, venues};

/// A key as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeKey {
    /// A UUIDv7.
    pub id: Uuid,
    /// The node that it authenticates.
    pub node: Uuid,
    /// The beginning of the key, to tell it from others.
    pub prefix: String,
    /// What it is for, in the words of whoever made it.
    pub label: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// A key to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewKey<'a> {
    /// A UUIDv7.
    pub id: Uuid,
    /// The node that it authenticates.
    pub node: Uuid,
    /// The beginning of the key.
    pub prefix: &'a str,
    /// SHA-256 of the key.
    pub hash: &'a [u8; 32],
    /// What it is for.
    pub label: Option<&'a str>,
}

/// Every key that may send, by hash, and the revision that this is at least as new as.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What [`revision`] said.
    pub revision: i64,
    /// The hash of each usable key, and whose it is.
    pub keys: Vec<([u8; 32], NodeIdentity)>,
}

const COLUMNS: &str = "id, node_id, prefix, label, created_at, revoked_at";

/// Stores a new key.
///
/// # Errors
/// [`Error::NotFound`] when there is no such node; [`Error::Conflict`] when the node or its venue is retired, or the
/// prefix is taken by chance.
pub async fn create(change: &Change, key: &NewKey<'_>) -> Result<NodeKey, Error> {
    let statement = format!(
        // The locks keep the node and the venue from being retired in between.
        "insert into node_key (id, node_id, prefix, key_hash, label)
         select $1, node.id, $3, $4, $5 from node join venue on venue.slug = node.venue
         where node.id = $2 and node.retired_at is null and venue.retired_at is null for share
         on conflict (prefix) do nothing returning {COLUMNS}"
    );
    let created = change
        .query_opt(
            &statement,
            &[&key.id, &key.node, &key.prefix, &key.hash.as_slice(), &key.label],
        )
        .await?;
    if let Some(row) = created {
        return node_key(&row);
    }
    let node = nodes::find(change, key.node).await?;
    if node.retired_at.is_some() {
        return Err(nodes::retired(&node));
    }
    if venues::find(change, &node.venue).await?.retired_at.is_some() {
        return Err(venues::retired(&node.venue));
    }
    Err(Error::Conflict(format!(
        "another key begins with {} by chance; try again",
        key.prefix
    )))
}

/// The keys of a node, oldest first, revoked ones too.
///
/// # Errors
/// [`Error::NotFound`] when there is no such node.
pub async fn list(db: &Database, node: Uuid) -> Result<Vec<NodeKey>, Error> {
    let statement = format!("select {COLUMNS} from node_key where node_id = $1 order by created_at, id");
    let rows = db.client().await?.query(&statement, &[&node]).await?;
    if rows.is_empty() {
        nodes::get(db, node).await?;
    }
    rows.iter().map(node_key).collect()
}

/// Revokes a key of a node. Revoking it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when the node has no such key.
pub async fn revoke(change: &Change, node: Uuid, id: Uuid) -> Result<(), Error> {
    let changed = change
        .execute(
            "update node_key set revoked_at = now() where id = $1 and node_id = $2 and revoked_at is null",
            &[&id, &node],
        )
        .await?;
    let question = "select from node_key where id = $1 and node_id = $2";
    if changed == 0 && change.query_opt(question, &[&id, &node]).await?.is_none() {
        nodes::find(change, node).await?;
        return Err(Error::NotFound(format!("the node {node} has no key {id}")));
    }
    Ok(())
}

/// A number that moves with every change to who may send.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn revision(db: &Database) -> Result<i64, Error> {
    let ask = async {
        let question = "select revision from access_revision";
        Ok(db.client().await?.query_one(question, &[]).await?.try_get(0)?)
    };
    db.in_time(ask).await
}

/// Every usable key: not revoked, and neither the node nor the venue is retired.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn snapshot(db: &Database) -> Result<Snapshot, Error> {
    // First the number, then the keys: a change in between is in the keys already, and the number tells to read again.
    let revision = revision(db).await?;
    let question = "select node_key.key_hash, node.id, node.slug as node, node.venue
                    from node_key
                    join node on node.id = node_key.node_id
                    join venue on venue.slug = node.venue
                    where node_key.revoked_at is null and node.retired_at is null and venue.retired_at is null";
    let ask = async { Ok(db.client().await?.query(question, &[]).await?) };
    let rows = db.in_time(ask).await?;
    Ok(Snapshot {
        revision,
        keys: rows.iter().map(identity).collect::<Result<_, _>>()?,
    })
}

fn identity(row: &Row) -> Result<([u8; 32], NodeIdentity), Error> {
    let hash: &[u8] = row.try_get("key_hash")?;
    let hash = hash
        .try_into()
        .map_err(|_| Error::Corrupt("key_hash has not 32 bytes".to_owned()))?;
    let identity = NodeIdentity {
        id: row.try_get("id")?,
        node: column::parsed(row, "node")?,
        venue: column::parsed(row, "venue")?,
    };
    Ok((hash, identity))
}

fn node_key(row: &Row) -> Result<NodeKey, Error> {
    Ok(NodeKey {
        id: row.try_get("id")?,
        node: row.try_get("node_id")?,
        prefix: row.try_get("prefix")?,
        label: row.try_get("label")?,
        created_at: row.try_get("created_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
