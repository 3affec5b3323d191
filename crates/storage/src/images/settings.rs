//! What a venue wants of its pictures.

use std::time::Duration;

use citytrack_domain::{Class, ImageSettings, Slug, Variant};
use tokio_postgres::Row;

use crate::{Change, Error, column, venues};

/// New settings; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// How long pictures are kept.
    pub retention: Option<Duration>,
    /// How long originals are kept; zero: not at all.
    pub keep_originals: Option<Duration>,
    /// What is made of a picture.
    pub variants: Option<Vec<Variant>>,
    /// Objects of these classes are made unrecognisable.
    pub classes: Option<Vec<Class>>,
}

/// Changes the settings of a venue. How long a picture is kept follows at once; what is made, from the next picture on. An original
/// is kept as long as the settings said when it was stored.
///
/// # Errors
/// [`Error::NotFound`] when there is no such venue, [`Error::Conflict`] when it is retired.
pub async fn change_settings(change: &Change, venue: &Slug, wanted: &SettingsChange) -> Result<(), Error> {
    let statement = "
        update venue set
            image_retention = coalesce(justify_hours(make_interval(secs => $2)), image_retention),
            image_originals = coalesce(justify_hours(make_interval(secs => $3)), image_originals),
            image_variants = coalesce($4, image_variants), image_classes = coalesce($5, image_classes)
        where slug = $1 and retired_at is null";
    let seconds = |time: &Option<Duration>| time.map(|time| time.as_secs_f64());
    let words = |variants: &Vec<Variant>| variants.iter().map(|variant| variant.as_str()).collect::<Vec<_>>();
    let names = |classes: &Vec<Class>| classes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let changed = change
        .execute(
            statement,
            &[
                &venue.as_str(),
                &seconds(&wanted.retention),
                &seconds(&wanted.keep_originals),
                &wanted.variants.as_ref().map(words),
                &wanted.classes.as_ref().map(names),
            ],
        )
        .await?;
    if changed == 0 {
        venues::find(change, venue).await?;
        return Err(venues::retired(venue));
    }
    Ok(())
}

/// The columns of a venue that hold its settings, as [`of_row`] reads them.
pub(crate) const COLUMNS: &str = "extract(epoch from image_retention)::bigint as image_retention_seconds,
    extract(epoch from image_originals)::bigint as image_originals_seconds, image_variants, image_classes";

/// The settings in a row with [`COLUMNS`].
pub(crate) fn of_row(row: &Row) -> Result<ImageSettings, Error> {
    let seconds = |column| Ok::<_, Error>(Duration::from_secs(row.try_get::<_, i64>(column)?.unsigned_abs()));
    let (variants, classes): (Vec<&str>, Vec<&str>) = (row.try_get("image_variants")?, row.try_get("image_classes")?);
    let class = |text: &&str| column::parsed_text(text, "image_classes");
    Ok(ImageSettings {
        retention: seconds("image_retention_seconds")?,
        keep_originals: seconds("image_originals_seconds")?,
        variants: variants.into_iter().filter_map(Variant::parse).collect(),
        classes: classes.iter().map(class).collect::<Result<_, _>>()?,
    })
}
