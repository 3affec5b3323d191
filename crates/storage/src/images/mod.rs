//! Pictures: what is known about each, and what was made of it.

mod content;
mod find;
mod receipt;
mod settings;

pub use content::{Content, StoredVariant, original, variant};
pub use find::{Image, ImagesQuery, VariantFacts, find, list};
pub use receipt::receipt;
pub use settings::{SettingsChange, change_settings};
pub(crate) use settings::{COLUMNS as SETTINGS_COLUMNS, of_row as settings_of_row};
