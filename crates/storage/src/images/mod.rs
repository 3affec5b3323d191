//! Pictures: what is known about each, and what was made of it.

mod content;
mod expire;
mod find;
mod receipt;
mod save;
mod seen;
mod settings;
mod sweep;

pub use content::{Content, StoredVariant, original, variant};
pub use expire::{Expired, end_original, expire};
pub use find::{Image, ImagesQuery, VariantFacts, find, list};
pub use receipt::receipt;
pub use save::{Finished, Forms, save};
pub use seen::{Seen, detections_at};
pub(crate) use settings::{COLUMNS as SETTINGS_COLUMNS, of_row as settings_of_row};
pub use settings::{SettingsChange, change_settings};
pub use sweep::sweep;

/// When the time of an original is over, of a row of `image` and its `venue`: what was promised when it was saved may have become less
/// since, never more. Null: it is not kept.
const ORIGINAL_UNTIL: &str = "case when image.original_until is not null then least(image.original_until,
    coalesce(image.saved_at, image.received_at) + venue.image_originals, image.received_at + venue.image_retention) end";
