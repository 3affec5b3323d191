//! The audit log: who changed what, and when. Triggers of the migration `V7__audit` write it, in the transaction of each
//! change; here are who changes something, what no row tells, and how it is read.

use std::net::IpAddr;

use citytrack_domain::Slug;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Change, Database, Error, column};

/// Somebody who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// Its name for people: a user's name, a token's name.
    pub name: String,
    /// Its id, where it has one.
    pub id: Option<Uuid>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// What somebody is who changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A user who is signed in.
    User,
    /// A program with an API token.
    ApiToken,
    /// Whoever has the administrator token of the settings.
    AdministratorToken,
    /// Whoever has a viewer token; it changes nothing.
    ViewerToken,
    /// A command on the machine itself, such as `console create-user`.
    Command,
    /// Somebody at work in the database itself; the name is that of a database role.
    Database,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Grows from entry to entry.
    pub id: i64,
    /// When the change began.
    pub at: Timestamp,
    /// Who made it.
    pub actor: Actor,
    /// What was done: `venue.updated`.
    pub action: String,
    /// To what, as people call it: `demo/north`.
    pub subject: String,
    /// The venue that it is about, if it is about one.
    pub venue: Option<Slug>,
    /// What was there before and is not any more; secrets are left out.
    pub before: Option<Value>,
    /// What is there now and was not before; secrets are left out.
    pub after: Option<Value>,
}

/// Which entries are asked for. `None`: whatever it is.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// About one of these venues.
    pub venues: Option<Vec<Slug>>,
    /// By an actor of this name.
    pub actor: Option<String>,
    /// Of this action (`venue.updated`), or of one of this kind of thing (`venue`).
    pub action: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// With a lower id: those that come after a page that ends with it.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u16,
}

/// Some entries, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// For [`Query::before`], when there are more.
    pub next: Option<i64>,
}

impl Actor {
    /// A command or a program of this installation.
    pub fn command(name: &str) -> Self {
        Self {
            kind: ActorKind::Command,
            name: name.to_owned(),
            id: None,
            address: None,
        }
    }
}

impl ActorKind {
    const ALL: [Self; 6] = [
        Self::User,
        Self::ApiToken,
        Self::AdministratorToken,
        Self::ViewerToken,
        Self::Command,
        Self::Database,
    ];

    /// Its name in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiToken => "api-token",
            Self::AdministratorToken => "administrator-token",
            Self::ViewerToken => "viewer-token",
            Self::Command => "command",
            Self::Database => "database",
        }
    }
}

/// Writes an entry about something that is no change of a row: somebody has signed in, data were exported. `detail` says
/// more about it, and must hold no secret.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn note(
    change: &Change,
    action: &str,
    subject: &str,
    venue: Option<&Slug>,
    detail: Option<&Value>,
) -> Result<(), Error> {
    let statement = "select audit_note($1, $2, $3, null, $4)";
    let venue = venue.map(Slug::as_str);
    change
        .query_one(statement, &[&action, &subject, &venue, &detail])
        .await?;
    Ok(())
}

/// The newest entries that are asked for.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn list(db: &Database, query: &Query) -> Result<Page, Error> {
    let venues: Option<Vec<&str>> = query
        .venues
        .as_ref()
        .map(|venues| venues.iter().map(Slug::as_str).collect());
    // One more than asked for tells whether there are more.
    let limit = i64::from(query.limit) + 1;
    let statement = "select * from audit_entry
                     where ($1::text[] is null or venue = any($1)) and ($2::text is null or actor_name = $2)
                       and ($3::text is null or action = $3 or starts_with(action, $3 || '.'))
                       and ($4::timestamptz is null or at >= $4) and ($5::timestamptz is null or at < $5)
                       and ($6::bigint is null or id < $6)
                     order by id desc limit $7";
    let ask = async {
        let client = db.client().await?;
        let rows = client
            .query(
                statement,
                &[
                    &venues,
                    &query.actor,
                    &query.action,
                    &query.from,
                    &query.to,
                    &query.before,
                    &limit,
                ],
            )
            .await?;
        Ok(rows)
    };
    let rows = db.in_time(ask).await?;
    let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>, Error>>()?;
    let is_more = entries.len() > usize::from(query.limit);
    entries.truncate(query.limit.into());
    Ok(Page {
        next: entries.last().filter(|_| is_more).map(|entry| entry.id),
        entries,
    })
}

/// Deletes the entries that are older than `kept`, and says how many there were.
///
/// # Errors
/// When PostgreSQL is away or refuses.
pub async fn forget(db: &Database, kept: std::time::Duration, now: Timestamp) -> Result<u64, Error> {
    let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
    let Ok(oldest) = now.checked_sub(kept) else {
        return Ok(0);
    };
    let client = db.dedicated().await?;
    Ok(client
        .execute("delete from audit_entry where at < $1", &[&oldest])
        .await?)
}

fn entry(row: &Row) -> Result<Entry, Error> {
    let kind: &str = row.try_get("actor_kind")?;
    let kind = ActorKind::ALL.into_iter().find(|known| known.as_str() == kind);
    let venue: Option<&str> = row.try_get("venue")?;
    Ok(Entry {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        actor: Actor {
            kind: kind.ok_or_else(|| Error::Corrupt("an actor_kind that nobody knows".to_owned()))?,
            name: row.try_get("actor_name")?,
            id: row.try_get("actor_id")?,
            address: row.try_get("address")?,
        },
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        venue: venue.map(|_| column::parsed(row, "venue")).transpose()?,
        before: row.try_get("before")?,
        after: row.try_get("after")?,
    })
}
