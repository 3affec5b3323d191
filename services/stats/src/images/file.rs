//! A stored file as an answer: whole, in part, or not at all where the client has it.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    body::SizedStream,
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
use futures_util::stream;
use jiff::Timestamp;

/// What is known about a file, which never changes.
pub(super) struct File {
    /// How many it has.
    pub(super) bytes: u64,
    pub(super) media_type: String,
    /// SHA-256, in hexadecimal.
    pub(super) digest: String,
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
    /// The answer to a request for it. The content is read only for those to whom some of it is sent.
    pub(super) async fn respond(
        self,
        request: &HttpRequest,
        content: impl AsyncFnOnce() -> Result<Bytes, Problem>,
    ) -> Result<HttpResponse, Problem> {
        if self.is_known(request) {
            return Ok(self.head(StatusCode::NOT_MODIFIED).finish());
        }
        match self.part(request) {
            // Only the length of the body counts.
            Part::Whole if request.method() == Method::HEAD => {
                let nothing = stream::empty::<Result<Bytes, Infallible>>();
                Ok(self.head(StatusCode::OK).body(SizedStream::new(self.bytes, nothing)))
            }
            Part::Whole => Ok(self.head(StatusCode::OK).body(content().await?)),
            Part::Bytes(first, last) => {
                let content = content().await?;
                let range = ContentRange(ContentRangeSpec::Bytes {
                    range: Some((first, last)),
                    instance_length: Some(self.bytes),
                });
                let part = usize::try_from(first).ok().zip(usize::try_from(last).ok());
                let part = part.and_then(|(first, last)| content.get(first..=last));
                Ok(self
                    .head(StatusCode::PARTIAL_CONTENT)
                    .insert_header(range)
                    .body(part.map_or_else(Bytes::new, |part| content.slice_ref(part))))
            }
            Part::None => Ok(self.not_satisfiable()),
        }
    }

    fn not_satisfiable(&self) -> HttpResponse {
        let problem = Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range-not-satisfiable",
            "Range not satisfiable",
            format!("the picture has {} bytes", self.bytes),
        );
        let mut answer = problem.error_response();
        let whole = format!("bytes */{}", self.bytes);
        if let Ok(value) = header::HeaderValue::from_str(&whole) {
            answer.headers_mut().insert(header::CONTENT_RANGE, value);
        }
        answer
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
        let half = self.digest.get(..32).unwrap_or_default();
        EntityTag::new_strong(half.to_owned())
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
                let bytes = range.to_satisfiable_range(self.bytes);
                bytes.map_or(Part::None, |(first, last)| Part::Bytes(first, last))
            }
            _ => Part::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{body::MessageBody, test::TestRequest};
    use futures_util::FutureExt as _;

    use super::*;

    const TAG: &str = "\"07070707070707070707070707070707\"";
    const MODIFIED: &str = "Sun, 22 Nov 2026 10:00:00 GMT";

    fn answer(headers: &[(&str, &str)]) -> (u16, Option<String>, String) {
        let mut request = TestRequest::get();
        for header in headers {
            request = request.append_header(*header);
        }
        let file = File {
            bytes: 10,
            media_type: "image/jpeg".to_owned(),
            digest: "07".repeat(32),
            modified: "2026-11-22T10:00:00.25Z".parse().unwrap(),
            max_age: Duration::from_secs(60),
        };
        let content = async || Ok(Bytes::from_static(b"0123456789"));
        let answer = file.respond(&request.to_http_request(), content).now_or_never();
        let answer = answer.unwrap().unwrap();
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
