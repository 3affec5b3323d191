//! Venues: created, changed, retired; never deleted, since what was counted there stays.

use citytrack_domain::{ImageSettings, Slug, VenueTimeZone};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Change, Client, Database, Error, column, images};

/// A place or event that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Venue {
    /// Its short name, never changed and never given to another venue.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// IANA name of the time zone that its days are counted in.
    pub time_zone: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was retired, if it was.
    pub retired_at: Option<Timestamp>,
    /// What becomes of its pictures.
    pub images: ImageSettings,
}

/// Creates a venue.
///
/// # Errors
/// [`Error::Conflict`] when the slug is taken, also by a retired venue.
pub async fn create(change: &Change, slug: &Slug, name: &str, zone: &VenueTimeZone) -> Result<Venue, Error> {
    let statement = format!(
        "insert into venue (slug, name, time_zone) values ($1, $2, $3) on conflict do nothing returning {}",
        columns()
    );
    let created = change
        .query_opt(&statement, &[&slug.as_str(), &name, &zone.name()])
        .await?;
    match created {
        Some(row) => venue(&row),
        None => Err(taken(slug, find(change, slug).await?.retired_at)),
    }
}

/// All venues by slug; retired ones only where asked.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn list(db: &Database, retired: bool) -> Result<Vec<Venue>, Error> {
    let question = format!(
        "select {} from venue where $1 or retired_at is null order by slug",
        columns()
    );
    let rows = db.client().await?.query(&question, &[&retired]).await?;
    rows.iter().map(venue).collect()
}

/// One venue, also when it is retired.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get(db: &Database, slug: &Slug) -> Result<Venue, Error> {
    let client = db.client().await?;
    let question = client.prepare_cached(&question()).await?;
    found(client.query_opt(&question, &[&slug.as_str()]).await?, slug)
}

pub(crate) async fn find(client: &Client, slug: &Slug) -> Result<Venue, Error> {
    found(client.query_opt(&question(), &[&slug.as_str()]).await?, slug)
}

fn question() -> String {
    format!("select {} from venue where slug = $1", columns())
}

fn found(row: Option<Row>, slug: &Slug) -> Result<Venue, Error> {
    venue(&row.ok_or_else(|| unknown(slug))?)
}

/// Changes the name or the time zone of a venue.
///
/// # Errors
/// [`Error::NotFound`] when there is none, [`Error::Conflict`] when it is retired.
pub async fn update(
    change: &Change,
    slug: &Slug,
    name: Option<&str>,
    zone: Option<&VenueTimeZone>,
) -> Result<Venue, Error> {
    let statement = format!(
        "update venue set name = coalesce($2, name), time_zone = coalesce($3, time_zone)
         where slug = $1 and retired_at is null returning {}",
        columns()
    );
    let changed = change
        .query_opt(&statement, &[&slug.as_str(), &name, &zone.map(VenueTimeZone::name)])
        .await?;
    match changed {
        Some(row) => venue(&row),
        None => Err(retired(&find(change, slug).await?.slug)),
    }
}

/// Retires a venue: its nodes are refused from now on, its data stays. Retiring it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn retire(change: &Change, slug: &Slug) -> Result<(), Error> {
    let changed = change
        .execute(
            "update venue set retired_at = now() where slug = $1 and retired_at is null",
            &[&slug.as_str()],
        )
        .await?;
    if changed == 0 {
        find(change, slug).await?;
    }
    Ok(())
}

pub(crate) fn unknown(slug: &Slug) -> Error {
    Error::NotFound(format!("there is no venue {slug}"))
}

pub(crate) fn retired(slug: &Slug) -> Error {
    Error::Conflict(format!("the venue {slug} is retired"))
}

fn taken(slug: &Slug, retired_at: Option<Timestamp>) -> Error {
    Error::Conflict(match retired_at {
        None => format!("there is a venue {slug} already"),
        Some(_) => format!("{slug} is the slug of a retired venue, and stays taken"),
    })
}

/// What [`venue`] reads.
fn columns() -> String {
    format!(
        "slug, name, time_zone, created_at, retired_at, {}",
        images::SETTINGS_COLUMNS
    )
}

fn venue(row: &Row) -> Result<Venue, Error> {
    Ok(Venue {
        slug: column::parsed(row, "slug")?,
        name: row.try_get("name")?,
        time_zone: row.try_get("time_zone")?,
        created_at: row.try_get("created_at")?,
        retired_at: row.try_get("retired_at")?,
        images: images::settings_of_row(row)?,
    })
}
