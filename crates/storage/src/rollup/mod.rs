//! Roll-ups: what the minutes come to by hour and day, so that long ranges are read quickly.
//!
//! A batch that is stored adds to the minutes at once, and appends what it adds ([`gains`]) to `rollup_delta`: appending is
//! cheap, where reading and writing back a sketch or a grid for each batch is not. Every few seconds a worker
//! [folds](fold()) these rows into the roll-ups. Readers add what is not folded yet, so that nothing is ever late.

mod fold;
pub(crate) mod gains;
mod imported;
mod level;
mod rebuild;
mod tables;

use deadpool_postgres::GenericClient;

pub use self::fold::{Folded, fold};
pub(crate) use self::{
    imported::{MIDDLE, add_imported},
    level::{Level, zone_of},
};
use crate::Error;

/// Any number that nothing else in this database uses for an advisory lock.
const LOCK: i64 = 0x6369_7479_0004;

/// Keeps everybody else who changes roll-ups away until the end of the transaction.
///
/// # Errors
/// When PostgreSQL is away, or the wait is longer than a statement may take.
pub(crate) async fn lock(transaction: &impl GenericClient) -> Result<(), Error> {
    transaction
        .execute("select pg_advisory_xact_lock($1)", &[&LOCK])
        .await?;
    Ok(())
}
