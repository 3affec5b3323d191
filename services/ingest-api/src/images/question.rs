//! The query of an upload.

use std::time::Duration;

use actix_web::web::Query;

use super::{details::Said, error::ImageError};

/// What the query says.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// About the picture.
    pub(crate) said: Said,
    /// How long the result may take; `None`: nobody waits for it.
    pub(crate) wait: Option<Duration>,
}

impl Question {
    /// Reads a query; nobody waits for longer than `longest`.
    pub(crate) fn read(query: &str, longest: Duration) -> Result<Self, ImageError> {
        let fields = Query::<Vec<(String, String)>>::from_query(query);
        let fields = fields.map_err(|error| ImageError::Query(error.to_string()))?;
        let mut question = Self::default();
        for (name, text) in fields.into_inner() {
            if name == "wait" {
                let wait = humantime::parse_duration(&text);
                let wait = wait.map_err(|error| ImageError::Query(format!("wait must be such as 5s: {error}")))?;
                question.wait = Some(wait.min(longest)).filter(|wait| !wait.is_zero());
            } else {
                question.said.add(&name, text).map_err(ImageError::Query)?;
            }
        }
        Ok(question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    fn wait(query: &str) -> Option<Duration> {
        Question::read(query, LONGEST).unwrap().wait
    }

    #[test]
    fn nobody_waits_unless_asked_and_nobody_for_ever() {
        assert_eq!(wait("camera=entrance&frame=1"), None);
        assert_eq!(wait("wait=0s"), None);
        assert_eq!(wait("wait=1500ms"), Some(Duration::from_millis(1500)));
        assert_eq!(wait("wait=1h"), Some(LONGEST));
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (query, part) in [
            ("wait=soon", "wait must be such as 5s"),
            ("camra=x", "\"camra\" is not known here"),
            ("frame=1&frame=2", "frame is given twice"),
        ] {
            let error = Question::read(query, LONGEST).unwrap_err();
            assert!(error.to_string().contains(part), "{query}: {error}");
        }
    }
}
