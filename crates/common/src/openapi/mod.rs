//! What the OpenAPI documents of all services share: problem documents, who may ask, health; and how they are served.
//!
//! A handler is described next to its code by `#[utoipa::path]`, which names only what is special about it. What follows from
//! its form is added here: whoever has to show who they are may be refused (401, 403), what has a body may be misread, and
//! so on. That way no handler can forget it.

mod answers;
mod document;
mod health;
mod parameters;

use utoipa::{
    ToSchema,
    openapi::{
        Components, OpenApi, SecurityRequirement, Tag,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub use self::document::Document;

/// The name of the security scheme of `Authorization: Bearer …`.
const TOKEN: &str = "token";
/// The names of the security schemes of a browser's session: its cookie, and what changes have to send beside it.
const SESSION: &str = "session";
const CSRF: &str = "csrf";

/// Who may ask a service.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// Whoever sends `Authorization: Bearer …` with a token of this kind.
    Token(&'static str),
    /// The same, or a browser that has signed in.
    TokenOrSession(&'static str),
}

/// A problem document (RFC 9457), which every error answer is. Some kinds have further members.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes what `Problem` writes")]
pub struct ProblemSchema {
    /// Stable, for programs.
    #[schema(value_type = String, pattern = "^/problems/[a-z-]+$", example = "/problems/not-found")]
    r#type: (),
    /// The kind, for people.
    #[schema(example = "Not found")]
    title: String,
    /// The status of the answer, once more.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    status: u16,
    /// What was wrong this time, for people.
    #[schema(example = "there is no venue demo")]
    detail: String,
    /// Every value of the body that cannot be accepted.
    #[schema(nullable = false)]
    violations: Option<Vec<Violation>>,
    /// The parameter of the address that cannot be accepted.
    #[schema(nullable = false)]
    parameter: Option<String>,
}

/// A value of the body that cannot be accepted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what services write into problem documents")]
pub struct Violation {
    /// Where it is: a JSON pointer (RFC 6901); empty for the whole body.
    #[schema(example = "/slug")]
    pointer: String,
    /// What it has to be.
    message: String,
}

/// Adds to the `document` of a service what all documents share.
pub fn complete(mut document: OpenApi, access: Access) -> OpenApi {
    let components = document.components.get_or_insert_with(Components::new);
    add_schema::<ProblemSchema>(components);
    add_schema::<Violation>(components);
    let answers = answers::all().map(|(name, answer)| (name, answer.into()));
    components.responses.extend(answers);
    add_security(components, access);
    for item in document.paths.paths.values_mut() {
        let safe = item
            .get
            .iter_mut()
            .chain(&mut item.head)
            .map(|operation| (false, operation));
        let changes = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        let changes = changes.into_iter().flatten().map(|operation| (true, operation));
        for (is_change, operation) in safe.chain(changes) {
            operation
                .security
                .get_or_insert_with(|| requirements(access, is_change));
        }
    }
    document.paths.merge(health::paths());
    for (path, item) in &mut document.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            answers::add(path, operation);
            operation.parameters.iter_mut().flatten().for_each(parameters::tidy);
        }
    }
    document.tags.get_or_insert_default().push(Tag::new(health::TAG));
    document
}

fn add_schema<T: ToSchema>(components: &mut Components) {
    components.schemas.insert(T::name().into_owned(), T::schema());
}

fn add_security(components: &mut Components, access: Access) {
    let (Access::Token(kinds) | Access::TokenOrSession(kinds)) = access;
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(kinds));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    if let Access::TokenOrSession(_) = access {
        let cookie = "The session of a browser that has signed in.";
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description("citytrack_session", cookie));
        components.add_security_scheme(SESSION, SecurityScheme::ApiKey(cookie));
        let header = "The `csrf_token` of the session, which changes have to send.";
        let header = ApiKey::Header(ApiKeyValue::with_description("X-CSRF-Token", header));
        components.add_security_scheme(CSRF, SecurityScheme::ApiKey(header));
    }
}

fn requirements(access: Access, is_change: bool) -> Vec<SecurityRequirement> {
    let nothing_more: [&str; 0] = [];
    let token = SecurityRequirement::new(TOKEN, nothing_more);
    match access {
        Access::Token(_) => vec![token],
        Access::TokenOrSession(_) => {
            let session = SecurityRequirement::new(SESSION, nothing_more);
            let session = if is_change {
                session.add(CSRF, nothing_more)
            } else {
                session
            };
            vec![token, session]
        }
    }
}

#[cfg(test)]
mod tests;
