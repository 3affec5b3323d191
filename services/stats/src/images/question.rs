//! Which pictures are asked for, page by page.

use actix_web::HttpRequest;
use citytrack_common::Problem;
use citytrack_domain::{CameraPattern, Class, ImageId, ImageState};
use citytrack_storage::{
    Database, Selection,
    images::{Image, ImagesQuery},
};
use jiff::Timestamp;

use crate::{
    auth::Viewer,
    query::{Places, Query, invalid},
};

const USUAL_LIMIT: u16 = 50;
const HIGHEST_LIMIT: u16 = 200;
const KNOWN: &[&str] = &["camera", "class", "state", "from", "to", "before", "limit"];

/// A question that can be answered.
pub(super) struct Question {
    selection: Selection,
    classes: Vec<Class>,
    states: Vec<ImageState>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    before: Option<(Timestamp, ImageId)>,
    limit: u16,
}

impl Question {
    /// Reads the query string of a request, and looks up what it names.
    pub(super) async fn read(
        request: &HttpRequest,
        venue: &str,
        viewer: &Viewer,
        database: &Database,
    ) -> Result<Self, Problem> {
        let unknown = |_| Problem::not_found(format!("there is no venue {venue:?}"));
        let venue = venue.parse().map_err(unknown)?;
        let query = Query::read(request.query_string(), KNOWN)?;
        let cameras: Vec<CameraPattern> = query.many("camera")?;
        let places = Places::of_venue(viewer, database, &venue, &cameras).await?;
        let zone = places.zone.zone();
        let limit = query.one("limit")?.unwrap_or(USUAL_LIMIT);
        if !(1..=HIGHEST_LIMIT).contains(&limit) {
            return Err(invalid("limit", &format!("limit must be from 1 to {HIGHEST_LIMIT}")));
        }
        let selection = places.selections.into_iter().next().ok_or_else(Problem::internal)?;
        Ok(Self {
            selection,
            classes: query.many("class")?,
            states: states(&query)?,
            from: query.time("from", zone)?,
            to: query.time("to", zone)?,
            before: query.text("before")?.map(parse_cursor).transpose()?,
            limit,
        })
    }

    /// The question to the database: one picture more tells whether there are more.
    pub(super) fn query(&self) -> ImagesQuery {
        ImagesQuery {
            selection: self.selection.clone(),
            classes: self.classes.clone(),
            states: self.states.clone(),
            from: self.from,
            to: self.to,
            before: self.before,
            limit: self.limit + 1,
        }
    }

    /// What is shown of what was found, and the cursor of the next page, if there is one.
    pub(super) fn page(&self, mut found: Vec<Image>) -> (Vec<Image>, Option<String>) {
        let is_more = found.len() > usize::from(self.limit);
        found.truncate(self.limit.into());
        let next = found.last().filter(|_| is_more).map(cursor);
        (found, next)
    }
}

fn states(query: &Query) -> Result<Vec<ImageState>, Problem> {
    let words: Vec<String> = query.many("state")?;
    let state = |word: &String| {
        let all = ImageState::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>();
        let detail = || format!("state is {word:?}, but must be one of {}", all.join(", "));
        ImageState::parse(word).ok_or_else(|| invalid("state", &detail()))
    };
    words.iter().map(state).collect()
}

/// Where a page ends: `<microseconds>-<id>`. Pictures that were taken at the same time follow their ids.
fn cursor(image: &Image) -> String {
    let details = &image.details;
    format!(
        "{}-{}",
        details.captured_at.as_microsecond(),
        details.id.uuid().simple()
    )
}

fn parse_cursor(text: &str) -> Result<(Timestamp, ImageId), Problem> {
    let parsed = text.split_once('-').and_then(|(time, id)| {
        let time = Timestamp::from_microsecond(time.parse().ok()?).ok()?;
        Some((time, ImageId::parse(id).ok()?))
    });
    parsed.ok_or_else(|| invalid("before", "before must be `next` of a page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cursors_are_cursors() {
        let (time, id) = parse_cursor("1795341600000250-0197a1f0000070008000000000000000").unwrap();
        assert_eq!(time.to_string(), "2026-11-22T10:00:00.00025Z");
        assert_eq!(id.to_string(), "0197a1f0-0000-7000-8000-000000000000");
        for wrong in [
            "",
            "7",
            "-",
            "x-0197a1f0000070008000000000000000",
            "1-2",
            "99999999999999999999-1",
        ] {
            assert!(parse_cursor(wrong).is_err(), "{wrong}");
        }
    }
}
