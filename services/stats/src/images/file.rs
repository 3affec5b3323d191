//! A stored file as an answer: whole, in part, or not at all where the client has it.

use std::time::{Duration, SystemTime};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    http::{
        Method, StatusCode,
        header::{
            self, ContentRange, ContentRangeSpec, ETag, EntityTag, Header, HttpDate, IfModifiedSince, IfNoneMatch,
            IfRange, LastModified, Range,
        },
    },
};
use bytes::Bytes;
use citytrack_common::Problem;
use jiff::Timestamp;

/// A file, which never changes.
pub(super) struct File {
    pub(super) bytes: Bytes,
    pub(super) media_type: String,
    /// SHA-256.
    pub(super) digest: Vec<u8>,
    pub(super) modified: Timestamp,
    /// So long a copy may be used without asking.
    pub(super) max_age: Duration,
}

/// What of it is sent.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// From the first byte to the last one.
    Bytes(u64, u64),
    /// There are no such bytes.
    None,
}

impl File {
    /// The answer to a request for it.
    pub(super) fn respond(self, request: &HttpRequest) -> HttpResponse {
        if self.is_known(request) {
            return self.head(StatusCode::NOT_MODIFIED).finish();
        }
        let length = self.bytes.len() as u64;
        let content_range = |range| {
            ContentRange(ContentRangeSpec::Bytes {
                range,
                instance_length: Some(length),
            })
        };
        match self.part(request) {
            Part::Whole => self.head(StatusCode::OK).body(self.bytes.clone()),
            Part::Bytes(first, last) => {
                let part = usize::try_from(first).ok().zip(usize::try_from(last).ok());
                let bytes = part.map_or_else(Bytes::new, |(first, last)| self.bytes.slice(first..=last));
                self.head(StatusCode::PARTIAL_CONTENT)
                    .insert_header(content_range(Some((first, last))))
                    .body(bytes)
            }
            Part::None => {
                let detail = format!("the picture has {length} bytes");
                let title = "Range not satisfiable";
                let problem = Problem::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "range-not-satisfiable",
                    title,
                    detail,
                );
                let mut answer = problem.error_response();
                let whole = format!("bytes */{length}");
                if let Ok(value) = header::HeaderValue::from_str(&whole) {
                    answer.headers_mut().insert(header::CONTENT_RANGE, value);
                }
                answer
            }
        }
    }

    fn head(&self, status: StatusCode) -> HttpResponseBuilder {
        let mut answer = HttpResponse::build(status);
        let caching = format!("private, max-age={}, immutable", self.max_age.as_secs());
        answer
            .insert_header((header::CACHE_CONTROL, caching))
            .insert_header((header::VARY, "authorization"))
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header(ETag(self.tag()))
            .insert_header(LastModified(self.modified()))
            .content_type(self.media_type.as_str());
        answer
    }

    /// Half of the digest is enough to tell files apart.
    fn tag(&self) -> EntityTag {
        let half = self.digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
        EntityTag::new_strong(format!("{half:032x}"))
    }

    /// Dates of HTTP have whole seconds, and are compared with this.
    fn modified(&self) -> HttpDate {
        let second = Timestamp::from_second(self.modified.as_second());
        HttpDate::from(SystemTime::from(second.unwrap_or(self.modified)))
    }

    /// Whether the client has it: by its tag, or where it names none, by its time (RFC 9110, 13.2.2).
    fn is_known(&self, request: &HttpRequest) -> bool {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) if !tags.is_empty() => tags.iter().any(|tag| tag.weak_eq(&self.tag())),
            _ if request.headers().contains_key(header::IF_NONE_MATCH) => false,
            _ => IfModifiedSince::parse(request).is_ok_and(|since| self.modified() <= *since),
        }
    }

    /// The part that is asked for. Several parts at once are answered with the whole, as one may.
    fn part(&self, request: &HttpRequest) -> Part {
        let is_same = match IfRange::parse(request) {
            Ok(IfRange::EntityTag(tag)) => tag.strong_eq(&self.tag()),
            Ok(IfRange::Date(date)) => date == self.modified(),
            Err(_) => !request.headers().contains_key(header::IF_RANGE),
        };
        let Ok(Range::Bytes(ranges)) = Range::parse(request) else {
            return Part::Whole;
        };
        match ranges.as_slice() {
            [range] if is_same && request.method() == Method::GET => {
                let bytes = range.to_satisfiable_range(self.bytes.len() as u64);
                bytes.map_or(Part::None, |(first, last)| Part::Bytes(first, last))
            }
            _ => Part::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{body::MessageBody, test::TestRequest};

    use super::*;

    const TAG: &str = "\"07070707070707070707070707070707\"";
    const MODIFIED: &str = "Sun, 22 Nov 2026 10:00:00 GMT";

    fn answer(headers: &[(&str, &str)]) -> (u16, Option<String>, String) {
        let mut request = TestRequest::get();
        for header in headers {
            request = request.append_header(*header);
        }
        let file = File {
            bytes: Bytes::from_static(b"0123456789"),
            media_type: "image/jpeg".to_owned(),
            digest: vec![7; 32],
            modified: "2026-11-22T10:00:00.25Z".parse().unwrap(),
            max_age: Duration::from_secs(60),
        };
        let answer = file.respond(&request.to_http_request());
        let range = answer.headers().get(header::CONTENT_RANGE);
        let range = range.map(|range| range.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = answer.into_body().try_into_bytes().unwrap();
        (status, range, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_range_is_answered_with_it() {
        for (asked, first_last, body) in [
            ("bytes=0-3", "bytes 0-3/10", "0123"),
            ("bytes=8-", "bytes 8-9/10", "89"),
            ("bytes=-1", "bytes 9-9/10", "9"),
            ("bytes=5-99", "bytes 5-9/10", "56789"),
        ] {
            let expected = (206, Some(first_last.to_owned()), body.to_owned());
            assert_eq!(answer(&[("range", asked)]), expected, "{asked}");
        }
        let (status, range, _) = answer(&[("range", "bytes=10-")]);
        assert_eq!((status, range.as_deref()), (416, Some("bytes */10")));
    }

    #[test]
    fn what_is_no_range_of_bytes_is_answered_with_all() {
        for asked in ["bytes=0-1,4-5", "lines=0-1", "bytes=3-1", "bytes"] {
            assert_eq!(
                answer(&[("range", asked)]),
                (200, None, "0123456789".to_owned()),
                "{asked}"
            );
        }
    }

    #[test]
    fn a_range_of_another_file_is_answered_with_all_of_this() {
        for (given, status) in [
            (TAG, 206),
            (MODIFIED, 206),
            ("\"0\"", 200),
            ("W/\"0\"", 200),
            ("Sun, 22 Nov 2026 09:00:00 GMT", 200),
        ] {
            assert_eq!(
                answer(&[("range", "bytes=0-3"), ("if-range", given)]).0,
                status,
                "{given}"
            );
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for (headers, status) in [
            (&[("if-none-match", TAG)] as &[_], 304),
            (
                &[("if-none-match", "\"0\", W/\"07070707070707070707070707070707\"")],
                304,
            ),
            (&[("if-none-match", "*")], 304),
            (&[("if-none-match", "\"0\"")], 200),
            (&[("if-modified-since", MODIFIED)], 304),
            (&[("if-modified-since", "Sun, 22 Nov 2026 09:59:59 GMT")], 200),
            (&[("if-none-match", "\"0\""), ("if-modified-since", MODIFIED)], 200),
        ] {
            assert_eq!(answer(headers).0, status, "{headers:?}");
        }
    }
}
