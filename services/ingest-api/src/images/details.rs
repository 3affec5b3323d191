//! What is said about a picture, in the query or in the parts of a form, checked.

use std::{collections::BTreeMap, fmt::Display};

use citytrack_domain::{CameraName, Detection, ImageId};
use jiff::Timestamp;

use crate::request::{Limits, Violations, read_boxes};

/// What can be said, each once.
pub(super) const NAMES: [&str; 5] = ["camera", "captured_at", "frame", "boxes", "id"];

/// What is said, by the names of the fields, as it was sent.
#[derive(Debug, Default)]
pub(crate) struct Said(BTreeMap<&'static str, String>);

/// What is known about a picture.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) id: Option<ImageId>,
    pub(crate) camera: Option<CameraName>,
    pub(crate) captured_at: Option<Timestamp>,
    pub(crate) frame: Option<i64>,
    /// `None`: nobody looked. Empty: a detector looked and saw nothing.
    pub(crate) boxes: Option<Vec<Detection>>,
}

impl Said {
    /// Notes a field; an empty one says nothing, as browsers send it, but is one.
    ///
    /// # Errors
    /// A sentence about a field that does not exist or was there before.
    pub(crate) fn add(&mut self, name: &str, text: String) -> Result<(), String> {
        let Some(known) = NAMES.into_iter().find(|known| *known == name) else {
            return Err(format!("{name:?} is not known here; known are {}", NAMES.join(", ")));
        };
        match self.0.insert(known, text) {
            None => Ok(()),
            Some(_) => Err(format!("{known} is given twice")),
        }
    }

    /// Checks everything. `header` is the id in `Idempotency-Key`.
    ///
    /// # Errors
    /// All that is wrong, with the names of the fields as pointers.
    pub(crate) fn check(&self, header: Option<&str>, now: Timestamp, limits: &Limits) -> Result<Details, Violations> {
        let mut wrong = Violations::default();
        let in_time = |time| limits.window.check(time, now);
        let id = |text: &str| {
            let id = ImageId::parse(text).map_err(|error| error.to_string())?;
            in_time(id.time())
                .map(|()| id)
                .map_err(|reason| format!("the time in it {reason}"))
        };
        let time = |text: &str| {
            let time = text.parse().map_err(|_| NO_TIME.to_owned())?;
            in_time(time).map(|()| time)
        };
        let frame = |text: &str| text.parse::<i64>().ok().filter(|frame| *frame >= 0).ok_or(NO_FRAME);
        let mut details = Details {
            id: self.read("id", &mut wrong, id),
            camera: self.read("camera", &mut wrong, CameraName::new),
            captured_at: self.read("captured_at", &mut wrong, time),
            frame: self.read("frame", &mut wrong, frame),
            boxes: None,
        };
        if let Some(header) = header {
            details.id = same_id(details.id, id(header), &mut wrong);
        }
        if let Some(json) = self.get("boxes") {
            details.boxes = Some(read_boxes(json, now, limits, &mut wrong));
        }
        if wrong.total() > 0 { Err(wrong) } else { Ok(details) }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn read<T, E: Display>(
        &self,
        name: &str,
        wrong: &mut Violations,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = read(self.get(name)?);
        value
            .map_err(|error| wrong.add(format!("/{name}"), error.to_string()))
            .ok()
    }
}

const NO_TIME: &str = "must be a time such as 2026-11-22T10:00:00.040Z (RFC 3339)";
const NO_FRAME: &str = "must be an integer from 0 to 9223372036854775807";

fn same_id(field: Option<ImageId>, header: Result<ImageId, String>, wrong: &mut Violations) -> Option<ImageId> {
    match (field, header) {
        (_, Err(error)) => wrong.add("", format!("the header Idempotency-Key: {error}")),
        (Some(field), Ok(header)) if field != header => {
            wrong.add("/id", "differs from the header Idempotency-Key");
        }
        (_, Ok(header)) => return Some(header),
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use citytrack_domain::Window;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn limits() -> Limits {
        let window = Window {
            back: Duration::from_secs(7 * 86_400),
            ahead: Duration::from_secs(300),
        };
        Limits {
            frames: 3,
            detections: 2,
            window,
        }
    }

    fn said(fields: &[(&str, &str)]) -> Said {
        let mut said = Said::default();
        for (name, text) in fields {
            said.add(name, (*text).to_owned()).unwrap();
        }
        said
    }

    fn violations(fields: &[(&str, &str)], header: Option<&str>) -> Vec<String> {
        let wrong = said(fields).check(header, now(), &limits()).unwrap_err();
        let first = wrong.first().iter();
        first
            .map(|wrong| format!("{} {}", wrong.pointer, wrong.message))
            .collect()
    }

    #[test]
    fn what_is_said_becomes_domain_values() {
        let id = ImageId::generate(now());
        let fields = [
            ("id", &*id.to_string()),
            ("camera", "entrance"),
            ("captured_at", "2026-11-22T09:59:59.960Z"),
            ("frame", "1042"),
            (
                "boxes",
                r#"[{"class": "person", "confidence": 0.5, "box": [0.25, 0.25, 0.5, 0.5]}]"#,
            ),
        ];
        let details = said(&fields).check(Some(&id.to_string()), now(), &limits()).unwrap();
        assert_eq!(details.id, Some(id));
        assert_eq!(details.camera.unwrap().as_str(), "entrance");
        assert_eq!(details.captured_at, Some("2026-11-22T09:59:59.960Z".parse().unwrap()));
        assert_eq!(details.frame, Some(1042));
        let boxes = details.boxes.unwrap();
        assert_eq!((boxes.len(), boxes[0].class.as_str()), (1, "person"));
    }

    #[test]
    fn nothing_has_to_be_said_and_no_boxes_are_not_an_empty_list_of_them() {
        let silent = said(&[("camera", ""), ("boxes", "")]);
        let details = silent.check(None, now(), &limits()).unwrap();
        assert!(details.id.is_none() && details.camera.is_none() && details.boxes.is_none());
        let seen_nobody = said(&[("boxes", "[]")]).check(None, now(), &limits()).unwrap();
        assert_eq!(seen_nobody.boxes, Some(Vec::new()));
    }

    #[test]
    fn every_violation_has_its_place() {
        let fields = [
            ("id", "17"),
            ("camera", "front door"),
            ("captured_at", "2026-11-12T10:00:00Z"),
            ("frame", "-1"),
            (
                "boxes",
                r#"[{"class": "person", "confidence": 2, "box": [0.1, "a", 0.1, 0.1]}, 7, {}]"#,
            ),
        ];
        let found = violations(&fields, None);
        for (pointer, part) in [
            ("/id ", "UUID"),
            ("/camera ", "must be"),
            ("/captured_at ", "in the past"),
            ("/frame ", NO_FRAME),
            ("/boxes/0/confidence ", "from 0 to 1"),
            ("/boxes/0/box/1 ", "must be a number, not a string"),
            ("/boxes/1 ", "must be an object, not a number"),
            ("/boxes ", "3 detections; at most 2"),
        ] {
            assert!(
                found
                    .iter()
                    .any(|wrong| wrong.starts_with(pointer) && wrong.contains(part)),
                "{pointer}{part}: {found:?}"
            );
        }
        assert!(violations(&[("boxes", "person")], None)[0].starts_with("/boxes is not JSON"));
        assert_eq!(
            violations(&[("boxes", "{}")], None),
            ["/boxes must be an array, not an object"]
        );
    }

    #[test]
    fn an_id_is_of_our_time_and_the_same_everywhere() {
        let (id, other) = (
            ImageId::generate(now()).to_string(),
            ImageId::generate(now()).to_string(),
        );
        assert_eq!(
            violations(&[("id", &id)], Some(&other)),
            ["/id differs from the header Idempotency-Key"]
        );
        let old = ImageId::generate("2026-11-01T10:00:00Z".parse().unwrap()).to_string();
        assert!(violations(&[("id", &old)], None)[0].starts_with("/id the time in it lies 21 days in the past"));
        assert!(violations(&[], Some("17"))[0].starts_with(" the header Idempotency-Key: must be a UUID"));
    }

    #[test]
    fn a_field_is_known_and_said_once() {
        let mut said = said(&[("frame", "1")]);
        assert_eq!(said.add("frame", "2".to_owned()).unwrap_err(), "frame is given twice");
        said.add("camera", String::new()).unwrap();
        let again = said.add("camera", String::new()).unwrap_err();
        assert_eq!(again, "camera is given twice", "also when it says nothing");
        let unknown = said.add("camra", "x".to_owned()).unwrap_err();
        assert!(unknown.contains("known are camera, captured_at"), "{unknown}");
    }
}
