//! The roles of pictures: `transform` makes people unrecognisable, `save` stores what became of it.

mod budget;
mod common;
mod flow;
mod made;
mod metrics;
pub mod save;
mod settings;
mod told;
pub mod transform;

pub use settings::{CommonSettings, SaveSettings, SavingSettings, TransformSettings, TransformingSettings};
