//! What becomes of the pictures of a venue: a part of `/api/v1/venues/{venue}`.

use std::{collections::BTreeSet, time::Duration};

use citytrack_domain::{Class, ImageSettings, Variant};
use citytrack_storage::images::SettingsChange;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::body::{Fields, Refused};

const DAY: Duration = Duration::from_hours(24);
const SHORTEST_RETENTION: Duration = Duration::from_hours(1);
const LONGEST_RETENTION: Duration = Duration::from_hours(10 * 366 * 24);
const LONGEST_ORIGINALS: Duration = Duration::from_hours(366 * 24);
const MOST_CLASSES: usize = 50;

/// What becomes of the pictures of a venue. Times are texts such as `30d`.
#[derive(Serialize, ToSchema)]
#[schema(as = ImageSettings)]
pub(super) struct SettingsBody {
    /// How long pictures are kept.
    #[schema(example = "30d")]
    retention: String,
    /// How long originals are kept, too; `0d`: not at all.
    #[schema(example = "0d")]
    originals: String,
    /// What is made of a picture.
    #[schema(example = json!(["thumbnail", "annotated", "anonymised"]))]
    variants: Vec<&'static str>,
    /// What is made unrecognisable.
    #[schema(value_type = Vec<Class>)]
    classes: Vec<String>,
}

impl From<ImageSettings> for SettingsBody {
    fn from(settings: ImageSettings) -> Self {
        Self {
            retention: written(settings.retention),
            originals: written(settings.keep_originals),
            variants: settings.variants.iter().map(|variant| variant.as_str()).collect(),
            classes: settings.classes.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The settings that a body wants to change, if it does.
pub(super) fn read(fields: &mut Fields) -> Result<Option<SettingsChange>, Refused> {
    fields.object("images", |fields| {
        let retention = fields.optional("retention", |text| {
            parse_time(text, SHORTEST_RETENTION, LONGEST_RETENTION)
        });
        let originals = fields.optional("originals", |text| parse_time(text, Duration::ZERO, LONGEST_ORIGINALS));
        let variants = each_once(fields, "variants", Variant::ALL.len(), parse_variant);
        let classes = each_once(fields, "classes", MOST_CLASSES, |text| {
            Class::new(text).map_err(|error| error.to_string())
        });
        Ok(SettingsChange {
            retention: retention?,
            keep_originals: originals?,
            variants: variants?,
            classes: classes?,
        })
    })
}

/// At least one: no variant would be no picture, and no class would let see everybody.
fn each_once<T: Ord>(
    fields: &mut Fields,
    name: &'static str,
    most: usize,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, Refused> {
    let text = |value: &Value| parse(value.as_str().ok_or("must be a text")?);
    let Some(values) = fields.optional_list(name, text)? else {
        return Ok(None);
    };
    if !(1..=most).contains(&values.len()) {
        return Err(fields.refuse(name, &format!("must name 1 to {most}")));
    }
    Ok(Some(values.into_iter().collect::<BTreeSet<_>>().into_iter().collect()))
}

fn parse_variant(text: &str) -> Result<Variant, String> {
    Variant::parse(text)
        .filter(|variant| *variant != Variant::Original)
        .ok_or_else(|| "must be thumbnail, annotated or anonymised".to_owned())
}

/// Whole seconds.
fn parse_time(text: &str, shortest: Duration, longest: Duration) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|_| "must be a duration such as 30d or 12h".to_owned())?;
    if time.subsec_nanos() != 0 {
        return Err("must be whole seconds".to_owned());
    }
    if time < shortest || time > longest {
        return Err(format!("must be from {} to {}", written(shortest), written(longest)));
    }
    Ok(time)
}

/// In the largest unit that says it in one number, up to days.
fn written(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(DAY.as_secs(), "d"), (3600, "h"), (60, "m"), (1, "s")];
    let fitting = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, letter) = fitting.unwrap_or((1, "s"));
    format!("{}{letter}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_typed() {
        for text in ["0d", "1d", "30d", "3650d", "36h", "90m", "61s"] {
            let time = parse_time(text, Duration::ZERO, LONGEST_RETENTION).unwrap();
            assert_eq!(written(time), text);
        }
        for (text, why) in [
            ("30", "must be a duration such as 30d or 12h"),
            ("", "must be a duration such as 30d or 12h"),
            ("-1d", "must be a duration such as 30d or 12h"),
            ("3600s1ms", "must be whole seconds"),
            ("59m", "must be from 1h to 3660d"),
            ("20y", "must be from 1h to 3660d"),
        ] {
            let refused = parse_time(text, SHORTEST_RETENTION, LONGEST_RETENTION);
            assert_eq!(refused, Err(why.to_owned()), "{text}");
        }
    }
}
