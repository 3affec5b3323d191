//! Writing entries.

use std::ops::RangeInclusive;

use citytrack_domain::Slug;
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Note, PARTITION, partition_name, partition_of};
use crate::{Database, Error};

/// A message that comes again was noted at most so many entries ago.
const LOOK_BACK: i64 = 100_000;

/// Writes entries, making partitions as they are needed.
pub struct JournalWriter {
    database: Database,
    /// The last partition that is known to be there.
    partition: Option<i64>,
}

impl JournalWriter {
    /// A writer that connects when it has something to write.
    pub fn new(database: Database) -> Self {
        let partition = None;
        Self { database, partition }
    }

    /// Writes the notes in their order, all or none, and says that somebody is at work; the latter also without notes.
    ///
    /// # Errors
    /// When PostgreSQL is away or refuses.
    pub async fn write(&mut self, notes: &[Note]) -> Result<(), Error> {
        let database = self.database.clone();
        let written = database.in_time(self.try_write(notes)).await;
        // What is remembered may be wrong by now, as after a restore.
        self.partition = written.inspect_err(|_| self.partition = None)?.or(self.partition);
        Ok(())
    }

    /// The last partition that is there after that.
    async fn try_write(&self, notes: &[Note]) -> Result<Option<i64>, Error> {
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await?;
        let (count, most) = (notes.len(), i64::MAX);
        let ids = allot(&transaction, i64::try_from(count).unwrap_or(most)).await?;
        let last = (count > 0).then(|| partition_of(*ids.end()));
        if last > self.partition {
            make_partitions(&transaction, partition_of(*ids.start())..=partition_of(*ids.end())).await?;
        }
        if count > 0 {
            insert(&transaction, *ids.start(), notes).await?;
        }
        transaction.commit().await?;
        Ok(last)
    }

    /// For each message whether it was noted lately: one that is delivered again may have been, before its worker died.
    ///
    /// # Errors
    /// When PostgreSQL is away or refuses.
    pub async fn known(&self, notes: &[Note]) -> Result<Vec<bool>, Error> {
        let question = "
            select exists (
                select from journal
                where id > (select last_id from journal_state) - $4
                  and exchange = again.exchange and routing_key = again.routing_key and message_id = again.message_id)
            from unnest($1::text[], $2::text[], $3::text[]) with ordinality as again (exchange, routing_key, message_id, place)
            order by place";
        let exchanges: Vec<_> = notes.iter().map(|note| note.exchange.as_str()).collect();
        let keys: Vec<_> = notes.iter().map(|note| note.routing_key.as_str()).collect();
        let ids: Vec<_> = notes.iter().map(|note| note.message_id.as_deref()).collect();
        let ask = async {
            let client = self.database.client().await?;
            let rows = client.query(question, &[&exchanges, &keys, &ids, &LOOK_BACK]).await?;
            rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
        };
        self.database.in_time(ask).await
    }
}

/// The next ids. Other writers wait until this transaction is over.
async fn allot(transaction: &Transaction<'_>, count: i64) -> Result<RangeInclusive<i64>, Error> {
    let allot = "update journal_state set last_id = last_id + $1, noted_at = clock_timestamp() returning last_id";
    let last: i64 = transaction.query_one(allot, &[&count]).await?.try_get(0)?;
    Ok(last - count + 1..=last)
}

/// Makes those that are missing. Made as tables of their own and then attached, they hold up no reader.
async fn make_partitions(transaction: &Transaction<'_>, partitions: RangeInclusive<i64>) -> Result<(), Error> {
    for partition in partitions {
        let name = partition_name(partition);
        let there = transaction
            .query_one("select to_regclass($1) is not null", &[&name])
            .await?;
        if there.try_get(0)? {
            continue;
        }
        let (from, to) = (partition * PARTITION, (partition + 1) * PARTITION);
        let make = format!(
            "create table {name} (like journal including defaults including constraints);
             alter table journal attach partition {name} for values from ({from}) to ({to});"
        );
        transaction.batch_execute(&make).await?;
    }
    Ok(())
}

async fn insert(transaction: &Transaction<'_>, first: i64, notes: &[Note]) -> Result<(), Error> {
    let times: Vec<Timestamp> = notes.iter().map(|note| note.at).collect();
    let exchanges: Vec<&str> = notes.iter().map(|note| note.exchange.as_str()).collect();
    let keys: Vec<&str> = notes.iter().map(|note| note.routing_key.as_str()).collect();
    let kinds: Vec<Option<&str>> = notes.iter().map(|note| note.kind.as_deref()).collect();
    let message_ids: Vec<Option<&str>> = notes.iter().map(|note| note.message_id.as_deref()).collect();
    let images: Vec<Option<Uuid>> = notes.iter().map(|note| note.image).collect();
    let sizes: Vec<i64> = notes
        .iter()
        .map(|note| i64::try_from(note.size).unwrap_or(i64::MAX))
        .collect();
    let traces: Vec<Option<&str>> = notes.iter().map(|note| note.trace_id.as_deref()).collect();
    let venues: Vec<Option<&str>> = notes.iter().map(|note| note.venue.as_ref().map(Slug::as_str)).collect();
    let insert = "
        insert into journal (id, at, exchange, routing_key, type, message_id, image_id, size, trace_id, venue)
        select $1 + place - 1, at, exchange, routing_key, type, message_id, image_id, size, trace_id, venue
        from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::bigint[], $9::text[],
                    $10::text[])
             with ordinality as note (at, exchange, routing_key, type, message_id, image_id, size, trace_id, venue, place)";
    transaction
        .execute(
            insert,
            &[
                &first,
                &times,
                &exchanges,
                &keys,
                &kinds,
                &message_ids,
                &images,
                &sizes,
                &traces,
                &venues,
            ],
        )
        .await?;
    Ok(())
}
