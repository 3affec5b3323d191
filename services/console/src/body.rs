//! Request bodies: JSON objects, read strictly, with everything that is wrong named at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    pin::Pin,
    time::Duration,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::StatusCode, web};
use citytrack_common::Problem;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::auth::identify;

const LIMIT: usize = 64 * 1024;

/// How long a body may take: what somebody may do was looked up before it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyTimeout(pub(crate) Duration);

/// A JSON object that was sent.
#[derive(Debug)]
pub(crate) struct Body(Map<String, Value>);

/// A field cannot be accepted; why has been noted among the violations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused;

/// Reads the fields of a body one by one and notes what is wrong with each.
pub(crate) struct Fields {
    object: Map<String, Value>,
    known: BTreeSet<&'static str>,
    violations: Vec<Value>,
    /// Where the object is in the body: a JSON pointer.
    place: String,
}

impl Body {
    /// Reads the fields that `read` asks for. A field that nobody asked for is a violation, like a bad value; `read`
    /// gives up only once it has asked for all.
    pub(crate) fn read<T>(self, read: impl FnOnce(&mut Fields) -> Result<T, Refused>) -> Result<T, Problem> {
        let mut fields = Fields {
            object: self.0,
            known: BTreeSet::new(),
            violations: Vec::new(),
            place: String::new(),
        };
        let value = read(&mut fields);
        fields.refuse_unknown();
        match value {
            Ok(value) if fields.violations.is_empty() => Ok(value),
            _ => Err(invalid(fields.violations)),
        }
    }
}

impl Fields {
    /// A text that must be there.
    pub(crate) fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Refused> {
        let value = self.take(name).ok_or_else(|| self.refuse(name, "is missing"))?;
        self.text(name, &value, parse)
    }

    /// A text that may be left out.
    pub(crate) fn optional<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Refused> {
        self.take(name).map(|value| self.text(name, &value, parse)).transpose()
    }

    /// A text that must be there or be null.
    pub(crate) fn nullable<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Refused> {
        match self.take(name) {
            None => Err(self.refuse(name, "is missing; null is possible")),
            Some(Value::Null) => Ok(None),
            Some(value) => self.text(name, &value, parse).map(Some),
        }
    }

    /// A list of texts that must be there.
    pub(crate) fn list<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Refused> {
        let value = self.take(name).ok_or_else(|| self.refuse(name, "is missing"))?;
        self.texts(name, &value, &parse)
    }

    /// A list of anything that may be left out.
    pub(crate) fn optional_list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<Option<Vec<T>>, Refused> {
        let values = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(self.refuse(name, "must be a list")),
        };
        let mut parsed_entry =
            |(place, value)| parse(value).map_err(|message| self.refuse(&format!("{name}/{place}"), &message));
        let parsed: Vec<_> = values.iter().enumerate().map(&mut parsed_entry).collect();
        parsed.into_iter().collect::<Result<_, _>>().map(Some)
    }

    /// Yes or no, or left out.
    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Refused> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.refuse(name, "must be true or false")),
        }
    }

    /// An object that may be left out; its fields are read like those of the body.
    pub(crate) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<Option<T>, Refused> {
        let object = match self.take(name) {
            None => return Ok(None),
            Some(Value::Object(object)) => object,
            Some(_) => return Err(self.refuse(name, "must be an object")),
        };
        let mut fields = Self {
            object,
            known: BTreeSet::new(),
            violations: Vec::new(),
            place: format!("{}/{name}", self.place),
        };
        let value = read(&mut fields);
        fields.refuse_unknown();
        self.violations.append(&mut fields.violations);
        value.map(Some)
    }

    /// Lists of texts, each under a name, that may be left out: then there are none.
    pub(crate) fn named_lists<K: Ord, T, F: Display, E: Display>(
        &mut self,
        name: &'static str,
        parse_name: impl Fn(&str) -> Result<K, F>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<BTreeMap<K, Vec<T>>, Refused> {
        let lists = match self.take(name) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(lists)) => lists,
            Some(_) => return Err(self.refuse(name, "must be an object of lists")),
        };
        let mut parsed_list = |key: &str, list: &Value| {
            let field = format!("{name}/{}", escaped(key));
            let key = parse_name(key).map_err(|error| self.refuse(&field, &error.to_string()));
            let list = self.texts(&field, list, &parse);
            Ok((key?, list?))
        };
        let parsed: Vec<_> = lists.iter().map(|(key, list)| parsed_list(key, list)).collect();
        parsed.into_iter().collect()
    }

    /// Notes what is wrong with a field, or with an entry of it: `venues/0`.
    pub(crate) fn refuse(&mut self, field: &str, message: &str) -> Refused {
        let pointer = format!("{}/{field}", self.place);
        self.violations.push(violation(&pointer, message));
        Refused
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.insert(name);
        self.object.remove(name)
    }

    fn text<T, E: Display>(
        &mut self,
        field: &str,
        value: &Value,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Refused> {
        let text = value.as_str().ok_or_else(|| self.refuse(field, "must be a text"))?;
        parse(text).map_err(|error| self.refuse(field, &error.to_string()))
    }

    fn texts<T, E: Display>(
        &mut self,
        field: &str,
        value: &Value,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Refused> {
        let Value::Array(values) = value else {
            return Err(self.refuse(field, "must be a list of texts"));
        };
        let parsed: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(place, value)| self.text(&format!("{field}/{place}"), value, &parse))
            .collect();
        parsed.into_iter().collect()
    }

    fn refuse_unknown(&mut self) {
        let known: Vec<_> = self.known.iter().copied().collect();
        let message = format!("is not known here; known are {}", known.join(", "));
        for name in self.object.keys().filter(|name| !self.known.contains(name.as_str())) {
            let pointer = format!("{}/{}", self.place, escaped(name));
            self.violations.push(violation(&pointer, &message));
        }
    }
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// One entry of `violations`: what is wrong at a JSON pointer (RFC 6901).
pub(crate) fn violation(pointer: &str, message: &str) -> Value {
    json!({ "pointer": pointer, "message": message })
}

/// The answer to a body whose values cannot be accepted.
pub(crate) fn invalid(violations: Vec<Value>) -> Problem {
    let detail = match violations.len() {
        1 => "one value in the body cannot be accepted".to_owned(),
        count => format!("{count} values in the body cannot be accepted"),
    };
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-request",
        "Invalid request",
        detail,
    )
    .with("violations", violations)
}

/// A name for people.
pub(crate) fn display_name(text: &str) -> Result<String, &'static str> {
    let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits && !text.trim().is_empty() {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 200 characters, not only spaces and without control characters")
    }
}

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request.content_type().eq_ignore_ascii_case("application/json");
        let payload = web::Payload::from_request(request, payload);
        let patience = identify::dependency::<BodyTimeout>(request).map(|patience| patience.0);
        Box::pin(async move {
            if !is_json {
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported-media-type",
                    "Unsupported media type",
                    "send JSON, with `Content-Type: application/json`",
                ));
            }
            let patience = patience?;
            let payload = payload.await.map_err(|_| Problem::internal())?;
            let bytes = timeout(patience, payload.to_bytes_limited(LIMIT)).await;
            let bytes = bytes.map_err(|_| too_slow(patience))?.map_err(|_| too_large())?;
            let bytes = bytes.map_err(|error| {
                Problem::bad_request(
                    "unreadable-body",
                    "Unreadable body",
                    format!("the body broke off: {error}"),
                )
            })?;
            match serde_json::from_slice(&bytes).map_err(|error| not_json(&error))? {
                Value::Object(object) => Ok(Self(object)),
                _ => Err(invalid(vec![violation("", "must be an object")])),
            }
        })
    }
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::bad_request("invalid-json", "Not JSON", format!("the body is not JSON: {error}"))
        .with("line", error.line())
        .with("column", error.column())
}

fn too_slow(patience: Duration) -> Problem {
    let detail = format!("the body did not come within {}", humantime::format_duration(patience));
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow-body",
        "Body not sent in time",
        detail,
    )
}

fn too_large() -> Problem {
    let detail = format!("the body is longer than {LIMIT} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, body::MessageBody};

    use super::*;

    fn body(value: Value) -> Body {
        let Value::Object(object) = value else {
            panic!("{value}")
        };
        Body(object)
    }

    fn violations(problem: &Problem) -> Value {
        let bytes = problem.error_response().into_body().try_into_bytes().unwrap();
        let mut body: Value = serde_json::from_slice(&bytes).unwrap();
        body["violations"].take()
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let sent = body(json!({"name": "", "zone": 7, "venues": ["a", 1, ""], "a/b": null}));
        let problem = sent
            .read(|fields| {
                let slug = fields.required("slug", display_name);
                let name = fields.required("name", display_name);
                let zone = fields.optional("zone", display_name);
                let venues = fields.list("venues", display_name);
                Ok((slug?, name?, zone?, venues?))
            })
            .unwrap_err();
        let name = "must be 1 to 200 characters, not only spaces and without control characters";
        assert_eq!(
            violations(&problem),
            json!([
                {"pointer": "/slug", "message": "is missing"},
                {"pointer": "/name", "message": name},
                {"pointer": "/zone", "message": "must be a text"},
                {"pointer": "/venues/1", "message": "must be a text"},
                {"pointer": "/venues/2", "message": name},
                {"pointer": "/a~1b", "message": "is not known here; known are name, slug, venues, zone"},
            ])
        );
    }

    #[test]
    fn a_field_may_be_null_only_where_it_says_so() {
        let read = |value| body(value).read(|fields| fields.nullable("title", display_name));
        assert_eq!(read(json!({"title": null})).unwrap(), None);
        assert_eq!(read(json!({"title": "Door"})).unwrap(), Some("Door".to_owned()));
        assert!(read(json!({})).is_err());
        assert!(
            body(json!({"title": null}))
                .read(|fields| fields.optional("title", display_name))
                .is_err()
        );
    }

    #[test]
    fn what_is_wrong_in_an_object_is_named_where_it_is() {
        let read = |value| body(value).read(|fields| fields.object("a", |a| a.required("name", display_name)));
        assert_eq!(read(json!({"a": {"name": "x"}})).unwrap(), Some("x".to_owned()));
        assert_eq!(read(json!({})).unwrap(), None);
        for (sent, pointers) in [
            (json!({"a": 7}), vec!["/a"]),
            (json!({"a": {}}), vec!["/a/name"]),
            (json!({"a": {"name": "x", "b": 1}, "c": 2}), vec!["/a/b", "/c"]),
        ] {
            let problem = read(sent).unwrap_err();
            let named = violations(&problem);
            let named: Vec<_> = named.as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
            assert_eq!(named, pointers);
        }
    }

    #[test]
    fn names_for_people_may_be_in_any_script() {
        assert!(display_name("東京駅 – Gate 7").is_ok());
        for bad in ["", "  ", "a\u{0}b", "a\nb", &"é".repeat(201)] {
            assert!(display_name(bad).is_err(), "{bad:?}");
        }
        assert!(display_name(&"é".repeat(200)).is_ok());
    }
}
