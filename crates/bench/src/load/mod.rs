//! The sending side: a schedule, connections, and request bytes that are made once and stamped for each POST.

mod body;
mod http;
mod poster;
mod schedule;

pub(crate) use body::{Recipe, Template};
pub(crate) use http::Connection;
pub(crate) use poster::{Lane, Posts, send};
pub(crate) use schedule::{Pace, Schedule, keep_pace};
