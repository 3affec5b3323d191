//! Pictures: what is known about each, and what was made of it.

mod content;
mod expire;
mod find;
mod receipt;
mod save;
mod seen;
mod settings;

pub use content::{Content, StoredVariant, original, variant};
pub use expire::{Expired, expire};
pub use find::{Image, ImagesQuery, VariantFacts, find, list};
pub use receipt::receipt;
pub use save::{Finished, Forms, save};
pub use seen::detections_at;
pub(crate) use settings::{COLUMNS as SETTINGS_COLUMNS, of_row as settings_of_row};
pub use settings::{SettingsChange, change_settings};
