//! The node side of CityTrack: what a camera node needs to send its detections, and the program `citytrack-node`.
//!
//! This crate is meant to be read by people who write a node of their own. It depends on no other part of CityTrack:
//! the HTTP API is all that a node knows. Read it in this order:
//!
//! | module | what it does |
//! | --- | --- |
//! | [`wire`] | the JSON of `POST /api/v1/detections` as structs |
//! | [`geometry`] | pixels → parts of the image |
//! | [`batch`] | collects frames into batches; a batch gets its id once |
//! | [`client`], [`refusal`] | one attempt to submit one batch, and what its failure asks for |
//! | [`retry`] | how long to wait before the next attempt |
//! | [`delivery`] | sees each batch through: retries, splits, gives up; live batches before the backlog |
//! | [`sealed`], [`outbox`], [`spool`] | what waits to be sent: in memory, or on disk over restarts and power cuts |
//! | [`pictures`] | pictures beside detections, in the spool until the server has them |
//! | [`session`], [`input`], [`send`] | frames from a detector's pipe into the outbox, while the delivery empties it |
//! | [`recording`], [`mot`], [`jsonl`], [`timeline`], [`pace`], [`replay`] | a recording in the place of a camera |
//! | [`cli`], [`values`], [`app`], [`report`], [`totals`] | what the person at the terminal sees |
//!
//! ```no_run
//! use citytrack_node::batch::Batch;
//! use citytrack_node::client::{Client, ClientOptions};
//! use citytrack_node::geometry::{ImageSize, PixelBox};
//! use citytrack_node::wire::{Detection, Frame};
//!
//! # async fn example(key: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(ClientOptions::new("http://127.0.0.1:8080".parse()?, key))?;
//! let size = ImageSize { width: 1920, height: 1080 };
//! let person = PixelBox { left: 230.0, top: 324.0, width: 96.0, height: 216.0 };
//! let bounds = person.to_parts(size).ok_or("the box is outside the image")?.bounds;
//! let frame = Frame {
//!     camera: "entrance".to_owned(),
//!     frame: Some(1042),
//!     captured_at: "2026-11-22T10:00:00.040Z".parse()?,
//!     width: Some(size.width),
//!     height: Some(size.height),
//!     detections: vec![Detection { class: "person".to_owned(), confidence: 0.91, bounds, track_id: Some(17) }],
//! };
//! let accepted = client.submit(&Batch::new(vec![frame])).await?;
//! println!("{} detections are safe", accepted.detections);
//! # Ok(())
//! # }
//! ```

pub mod app;
pub mod batch;
pub mod cli;
pub mod client;
pub mod clock;
pub mod delivery;
pub mod geometry;
pub mod input;
pub mod jsonl;
pub mod mot;
pub mod outbox;
pub mod pace;
pub mod pictures;
pub mod recording;
pub mod refusal;
pub mod replay;
pub mod report;
pub mod retry;
pub mod sealed;
pub mod send;
pub mod session;
pub mod spool;
pub mod timeline;
pub mod totals;
pub mod values;
pub mod wire;
