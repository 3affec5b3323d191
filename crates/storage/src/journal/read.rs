//! Reading entries.

use citytrack_domain::Slug;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Entry, Note};
use crate::{Client, Database, Error, column};

/// Which entries are asked for. `None`: whatever it is.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// About one of these venues.
    pub venues: Option<Vec<Slug>>,
    /// Published to this exchange.
    pub exchange: Option<String>,
    /// Of this routing key, in which `*` and `#` stand for any text.
    pub key: Option<String>,
    /// Not of this routing key, in which `*` and `#` stand for any text, too.
    pub except: Option<String>,
    /// Of this message type.
    pub kind: Option<String>,
    /// About this picture.
    pub image: Option<Uuid>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// With a lower id: those that come after a page that ends with it.
    pub before: Option<i64>,
    /// With a higher id: those that have come since.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: u16,
}

/// Some entries, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whether messages are being noted.
    pub enabled: bool,
    /// The id of the newest entry that there is, asked for or not; 0 before the first. For [`Query::after`].
    pub newest: i64,
    /// The entries.
    pub entries: Vec<Entry>,
    /// For [`Query::before`], when there are more.
    pub next: Option<i64>,
}

/// The newest entries that are asked for.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn list(db: &Database, query: &Query) -> Result<Page, Error> {
    let ask = async {
        let client = db.client().await?;
        Ok((state(&client).await?, rows(&client, query).await?))
    };
    let ((enabled, newest), rows) = db.in_time(ask).await?;
    let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>, Error>>()?;
    let is_more = entries.len() > usize::from(query.limit);
    entries.truncate(query.limit.into());
    Ok(Page {
        enabled,
        // Some may have come between the two questions.
        newest: entries.first().map_or(newest, |entry| entry.id.max(newest)),
        next: entries.last().filter(|_| is_more).map(|entry| entry.id),
        entries,
    })
}

/// Whether a worker is at work, which says so every few seconds, and the last id. All entries up to that can be seen.
async fn state(client: &Client) -> Result<(bool, i64), Error> {
    let question = "select coalesce(noted_at > now() - interval '30 seconds', false), last_id from journal_state";
    let row = client.query_one(question, &[]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// One more than asked for, which tells whether there are more.
async fn rows(client: &Client, query: &Query) -> Result<Vec<Row>, Error> {
    let venues = query
        .venues
        .as_ref()
        .map(|venues| venues.iter().map(Slug::as_str).collect::<Vec<_>>());
    let key = query.key.as_deref().map(pattern);
    let except = query.except.as_deref().map(pattern);
    let limit = i64::from(query.limit) + 1;
    let question = "
        select * from journal
        where ($1::text[] is null or venue = any($1)) and ($2::text is null or exchange = $2)
          and ($3::text is null or routing_key like $3) and ($4::text is null or type = $4)
          and ($5::uuid is null or image_id = $5)
          and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)
          and ($8::bigint is null or id < $8) and ($9::bigint is null or id > $9)
          and ($10::text is null or routing_key not like $10)
        order by id desc limit $11";
    let rows = client
        .query(
            question,
            &[
                &venues,
                &query.exchange,
                &key,
                &query.kind,
                &query.image,
                &query.from,
                &query.to,
                &query.before,
                &query.after,
                &except,
                &limit,
            ],
        )
        .await?;
    Ok(rows)
}

/// A routing key as SQL's `like` takes it.
fn pattern(key: &str) -> String {
    key.chars().fold(String::new(), |mut pattern, character| {
        match character {
            '*' | '#' => pattern.push('%'),
            '%' | '_' | '\\' => pattern.extend(['\\', character]),
            other => pattern.push(other),
        }
        pattern
    })
}

fn entry(row: &Row) -> Result<Entry, Error> {
    let venue: Option<&str> = row.try_get("venue")?;
    let size: i64 = row.try_get("size")?;
    Ok(Entry {
        id: row.try_get("id")?,
        note: Note {
            at: row.try_get("at")?,
            exchange: row.try_get("exchange")?,
            routing_key: row.try_get("routing_key")?,
            kind: row.try_get("type")?,
            message_id: row.try_get("message_id")?,
            image: row.try_get("image_id")?,
            size: u64::try_from(size).unwrap_or_default(),
            trace_id: row.try_get("trace_id")?,
            venue: venue.map(|venue| column::parsed_text(venue, "venue")).transpose()?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_routing_key_with_stars_becomes_a_pattern_in_which_nothing_else_is_special() {
        assert_eq!(pattern("images.*.demo"), "images.%.demo");
        assert_eq!(pattern("detections.#"), "detections.%");
        assert_eq!(pattern(r"100%_\"), r"100\%\_\\");
    }
}
