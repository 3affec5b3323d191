//! Nodes: created in a venue, renamed, retired; never deleted, since what they saw stays.

use citytrack_domain::Slug;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Change, Client, Database, Error, column, venues};

/// A detection device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// A UUIDv7.
    pub id: Uuid,
    /// The venue it belongs to.
    pub venue: Slug,
    /// Its short name within the venue, never changed and never given to another node.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was retired, if it was.
    pub retired_at: Option<Timestamp>,
}

/// Creates a node.
///
/// # Errors
/// [`Error::NotFound`] when there is no such venue; [`Error::Conflict`] when the venue is retired, or the slug is taken in
/// it, also by a retired node.
pub async fn create(change: &Change, id: Uuid, venue: &Slug, slug: &Slug, name: &str) -> Result<Node, Error> {
    let created = change
        .query_opt(
            // The lock keeps the venue from being retired in between.
            "insert into node (id, venue, slug, name)
             select $1, slug, $3, $4 from venue where slug = $2 and retired_at is null for share
             on conflict (venue, slug) do nothing returning *",
            &[&id, &venue.as_str(), &slug.as_str(), &name],
        )
        .await?;
    if let Some(row) = created {
        return node(&row);
    }
    if venues::find(change, venue).await?.retired_at.is_some() {
        return Err(venues::retired(venue));
    }
    let question = "select retired_at from node where venue = $1 and slug = $2";
    let other = change.query_one(question, &[&venue.as_str(), &slug.as_str()]).await?;
    Err(Error::Conflict(match other.try_get::<_, Option<Timestamp>>(0)? {
        None => format!("the venue {venue} has a node {slug} already"),
        Some(_) => format!("{slug} is the slug of a retired node of the venue {venue}, and stays taken"),
    }))
}

/// The nodes of a venue by slug; retired ones only where asked.
///
/// # Errors
/// [`Error::NotFound`] when there is no such venue.
pub async fn list(db: &Database, venue: &Slug, retired: bool) -> Result<Vec<Node>, Error> {
    let rows = db
        .client()
        .await?
        .query(
            "select * from node where venue = $1 and ($2 or retired_at is null) order by slug",
            &[&venue.as_str(), &retired],
        )
        .await?;
    if rows.is_empty() {
        venues::get(db, venue).await?;
    }
    rows.iter().map(node).collect()
}

/// One node, also when it is retired.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get(db: &Database, id: Uuid) -> Result<Node, Error> {
    find(&db.client().await?, id).await
}

pub(crate) async fn find(client: &Client, id: Uuid) -> Result<Node, Error> {
    let row = client.query_opt("select * from node where id = $1", &[&id]).await?;
    node(&row.ok_or_else(|| unknown(id))?)
}

/// Renames a node.
///
/// # Errors
/// [`Error::NotFound`] when there is none, [`Error::Conflict`] when it is retired.
pub async fn rename(change: &Change, id: Uuid, name: &str) -> Result<Node, Error> {
    let changed = change
        .query_opt(
            "update node set name = $2 where id = $1 and retired_at is null returning *",
            &[&id, &name],
        )
        .await?;
    match changed {
        Some(row) => node(&row),
        None => Err(retired(&find(change, id).await?)),
    }
}

/// Retires a node: its keys are refused from now on, its data stays. Retiring it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn retire(change: &Change, id: Uuid) -> Result<(), Error> {
    let changed = change
        .execute(
            "update node set retired_at = now() where id = $1 and retired_at is null",
            &[&id],
        )
        .await?;
    if changed == 0 {
        find(change, id).await?;
    }
    Ok(())
}

fn unknown(id: Uuid) -> Error {
    Error::NotFound(format!("there is no node {id}"))
}

pub(crate) fn retired(node: &Node) -> Error {
    Error::Conflict(format!("the node {} is retired", node.slug))
}

pub(crate) fn node(row: &Row) -> Result<Node, Error> {
    Ok(Node {
        id: row.try_get("id")?,
        venue: column::parsed(row, "venue")?,
        slug: column::parsed(row, "slug")?,
        name: row.try_get("name")?,
        created_at: row.try_get("created_at")?,
        retired_at: row.try_get("retired_at")?,
    })
}
