//! Answers that follow from the form of an operation.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder, SecurityRequirement,
        path::{Operation, Parameter},
    },
};

use super::ProblemSchema;

/// Of every operation: those of the gateway and of a service in trouble.
const ALWAYS: [(u16, &str); 7] = [
    (400, "The request cannot be understood; `type` and `detail` say why."),
    (408, "The request was not sent in time."),
    (431, "The address and headers are too long together."),
    (500, "Our fault; the log of the service has the cause."),
    (502, "The service went away before its answer was complete."),
    (503, "Something that the service needs is away, or the service itself."),
    (504, "The service did not answer in time."),
];
const WITH_SECURITY: [(u16, &str); 2] = [
    (401, "Nobody showed who asks, or by what is unknown or has expired."),
    (403, "Whoever asks is known, and may not do this."),
];
const WITH_PLACE: [(u16, &str); 1] = [(404, "There is no such thing, or whoever asks may not know of it.")];
const WITH_BODY: [(u16, &str); 3] = [
    (413, "The body is too long."),
    (
        415,
        "The body is not announced as what is needed, or is compressed in an unknown way.",
    ),
    (
        422,
        "The body can be read, but is not what is needed; `violations` names every value.",
    ),
];

/// All of them, by name.
pub(super) fn all() -> impl Iterator<Item = (String, Response)> {
    let all = [&ALWAYS[..], &WITH_SECURITY, &WITH_PLACE, &WITH_BODY].concat();
    all.into_iter()
        .map(|(status, description)| (name(status), problem(status, description)))
}

fn name(status: u16) -> String {
    format!("Problem{status}")
}

/// Adds those that the author did not describe.
pub(super) fn add(path: &str, operation: &mut Operation) {
    let nothing = SecurityRequirement::default();
    let has_security = operation.security.iter().flatten().any(|way| *way != nothing);
    let mut expected: Vec<(u16, &str)> = ALWAYS.to_vec();
    if has_security {
        expected.extend(WITH_SECURITY);
    }
    if path.contains('{') || names_a_place(operation) {
        expected.extend(WITH_PLACE);
    }
    if operation.request_body.is_some() {
        expected.extend(WITH_BODY);
    }
    for (status, _) in expected {
        let slot = operation.responses.responses.entry(status.to_string());
        slot.or_insert_with(|| RefOr::Ref(Ref::from_response_name(name(status))));
    }
}

/// Whether a venue or a node is named beside the path.
fn names_a_place(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters
        .any(|parameter| matches!(parameter, RefOr::T(Parameter { name, .. }) if name == "venue" || name == "node"))
}

/// An answer that is a problem document.
fn problem(status: u16, description: &str) -> Response {
    let schema = Ref::from_schema_name(ProblemSchema::name());
    let mut answer = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(schema)));
    if matches!(status, 429 | 502 | 503 | 504) {
        let seconds = HeaderBuilder::new()
            .schema(Some(u32::schema()))
            .description(Some("After how many seconds to try again."));
        answer = answer.header("Retry-After", seconds.build());
    }
    if status == 401 {
        let challenge = HeaderBuilder::new().schema(Some(String::schema()));
        answer = answer.header("WWW-Authenticate", challenge.build());
    }
    answer.build()
}
