//! End-to-end tests of CityTrack live in `tests/`: they start the built binaries and use them as people and nodes do. Here is
//! what they share: a whole system, traffic of nodes that never give up, viewers of the live feed, and the ledger that says
//! what must be stored.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code"
)]
#![allow(
    clippy::missing_panics_doc,
    reason = "test code panics when something is not as it should be"
)]

mod audience;
mod events;
mod ledger;
mod pictures;
mod posted;
mod process;
mod seen;
mod setup;
mod stored;
mod system;
mod traffic;
mod viewer;

pub use audience::Audience;
pub use events::{Event, EventStream};
pub use ledger::Sent;
pub use pictures::{Uploads, photograph, picture};
pub use posted::{Posted, PostedFrame};
pub use process::{Process, binary};
pub use seen::{Seen, Told};
pub use setup::{ADMINISTRATOR, Servers, Setup};
pub use system::{System, sum};
pub use traffic::{Progress, Traffic, TrafficPlan};
pub use viewer::{TokenBy, Viewer};
