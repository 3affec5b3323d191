//! A load generator that measures from outside: it posts batches, watches the live feed as a browser would, asks the
//! database which batches are stored, and reads what the processes cost from `/proc`. It speaks CityTrack's own API and
//! the simpler one of the systems that CityTrack is compared with, so that one program measures all of them in one run.
//!
//! How the parts fit: `ingest` makes a `plan`, starts the watchers (`watch`), then the load (`load`), waits until all that was
//! accepted has arrived everywhere, and writes a `report`. What was sent when is kept in one `ledger`.
#![expect(
    clippy::cast_precision_loss,
    reason = "counts become figures for people: 52 bits are more than enough"
)]

mod ask;
mod batch_id;
mod clock;
mod command;
mod copy_limit;
mod disk;
mod drain;
mod fleet;
mod fuzz;
mod idle;
mod images;
mod ingest;
mod latency;
mod ledger;
mod live;
mod load;
mod overload;
mod plan;
mod prepare;
mod processes;
mod report;
mod scene;
mod table;
mod target;
mod watch;

pub use command::Command;
