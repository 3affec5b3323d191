//! The header fields of draft-ietf-httpapi-ratelimit-headers (-10 and -11): `RateLimit-Policy`, the same in every answer (in a window as long as the burst, the rate alone gives `q`), and
//! `RateLimit`, what is left of the allowance that was used.

use std::fmt::Write;

use actix_web::{
    http::header::{HeaderMap, HeaderName, HeaderValue},
    web::Bytes,
};

use super::{
    Allowances, Kind, Limiter, Moment, Policy, Quotas, Refused,
    bucket::{Bucket, Quota},
};

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is the same in every answer.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// None when nothing is limited.
    policy: Option<HeaderValue>,
}

impl Fields {
    pub(super) fn new(allowances: &[(Kind, Quotas)]) -> Self {
        let mut text = String::new();
        let mut write = |policy: Policy, quota: Option<Quota>, unit: &str| {
            if let Some(quota) = quota {
                separate(&mut text);
                let window = whole_seconds(quota.filling());
                let most = quota.rate.unsigned_abs().saturating_mul(window);
                let _ = write!(text, "\"{}\";q={most}{unit};w={window}", policy.name());
            }
        };
        for (kind, quotas) in allowances {
            let (of_count, of_bytes) = kind.policies();
            write(of_count, quotas.count, "");
            write(of_bytes, quotas.bytes, ";qu=\"content-bytes\"");
        }
        let policy = (!text.is_empty()).then(|| value(text)).flatten();
        Self { policy }
    }

    /// For a 429. The window ends when `Retry-After` says, as the draft asks. A bound that is no rate has no window, and nothing
    /// is told of it.
    pub(crate) fn refuse(&self, refused: &Refused, headers: &mut HeaderMap) {
        if refused.policy == Policy::Bodies {
            return;
        }
        let text = format!("\"{}\";r=0;t={}", refused.policy.name(), whole_seconds(refused.wait));
        self.put(text, headers);
    }

    fn put(&self, text: String, headers: &mut HeaderMap) {
        if let Some((policy, left)) = self.policy.clone().zip(value(text)) {
            headers.insert(RATELIMIT_POLICY, policy);
            headers.insert(RATELIMIT, left);
        }
    }
}

impl Limiter {
    /// For a batch that was taken.
    pub(crate) fn tell(&self, node: &Allowances, kind: Kind, now: Moment, headers: &mut HeaderMap) {
        let ((of_count, of_bytes), quotas, used) = self.of(node, kind);
        let mut text = String::with_capacity(72);
        let mut tell = |name: &str, quota: Option<Quota>, bucket: &Bucket| {
            if let Some(quota) = quota {
                let (left, wait) = bucket.left(quota, now);
                separate(&mut text);
                let _ = write!(text, "\"{name}\";r={left};t={}", whole_seconds(wait));
            }
        };
        tell(of_count.name(), quotas.count, &used.count);
        tell(of_bytes.name(), quotas.bytes, &used.bytes);
        if !text.is_empty() {
            self.fields(kind).put(text, headers);
        }
    }
}

/// Header fields know no fractions; a window of no time would be none.
fn whole_seconds(wait: std::time::Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push_str(", ");
    }
}

fn value(text: String) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}
