//! Which service a path belongs to.
//!
//! Paths are compared as they were sent, segment by segment, without decoding: a path in disguise ends at the console and
//! is not found there. That is safe, because every service checks on its own who may do what.

/// A group of servers that do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolName {
    /// The write API for nodes.
    IngestApi,
    /// The live feed.
    RealtimeWs,
    /// The read API.
    Stats,
    /// Pages and the control API.
    Console,
}

/// The routes. `{…}` stands for one segment that is not empty, `*` for any number of segments.
const ROUTES: [(&str, PoolName); 16] = [
    ("/api/v1/detections", PoolName::IngestApi),
    ("/api/v1/images", PoolName::IngestApi),
    ("/api/v1/images/{id}", PoolName::Stats),
    ("/api/v1/images/{id}/details", PoolName::Stats),
    ("/api/v1/live", PoolName::RealtimeWs),
    ("/api/v1/live/*", PoolName::RealtimeWs),
    ("/api/v1/counts", PoolName::Stats),
    ("/api/v1/occupancy", PoolName::Stats),
    ("/api/v1/occupancy/*", PoolName::Stats),
    ("/api/v1/venues/{venue}/counts", PoolName::Stats),
    (EXPORT, PoolName::Stats),
    ("/api/v1/venues/{venue}/heatmap", PoolName::Stats),
    ("/api/v1/venues/{venue}/images", PoolName::Stats),
    ("/api/v1/openapi/ingest-api.json", PoolName::IngestApi),
    ("/api/v1/openapi/realtime-ws.json", PoolName::RealtimeWs),
    ("/api/v1/openapi/stats.json", PoolName::Stats),
];

const EXPORT: &str = "/api/v1/venues/{venue}/detections";

/// Everything else.
const OTHERWISE: PoolName = PoolName::Console;

impl PoolName {
    /// All pools, each at the index `pool as usize`.
    pub const ALL: [Self; 4] = [Self::IngestApi, Self::RealtimeWs, Self::Stats, Self::Console];

    /// The pool that serves `path` (without a query string).
    pub fn of(path: &str) -> Self {
        ROUTES
            .iter()
            .find(|(pattern, _)| matches(pattern, path))
            .map_or(OTHERWISE, |(_, pool)| *pool)
    }

    /// Whether the server behind `path` may be silent for longer than others: an export looks for what is rare, for as long
    /// as it takes, and the service itself says how long that may be.
    pub fn may_be_silent(path: &str) -> bool {
        matches(EXPORT, path)
    }

    /// The name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IngestApi => "ingest-api",
            Self::RealtimeWs => "realtime-ws",
            Self::Stats => "stats",
            Self::Console => "console",
        }
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) | (Some("*"), Some(_)) => return true,
            (Some(wanted), Some(segment)) if wanted == segment => {}
            (Some(wanted), Some(segment)) if wanted.starts_with('{') && !segment.is_empty() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_pool() {
        for (path, pool) in [
            ("/api/v1/detections", PoolName::IngestApi),
            ("/api/v1/images", PoolName::IngestApi),
            ("/api/v1/images/0193e6a4-7b1c-7000-8000-000000000000", PoolName::Stats),
            (
                "/api/v1/images/0193e6a4-7b1c-7000-8000-000000000000/details",
                PoolName::Stats,
            ),
            ("/api/v1/images/", PoolName::Console),
            ("/api/v1/venues/demo/images", PoolName::Stats),
            (
                "/api/v1/originals/0193e6a4-7b1c-7000-8000-000000000000",
                PoolName::Console,
            ),
            ("/api/v1/journal", PoolName::Console),
            ("/api/v1/live", PoolName::RealtimeWs),
            ("/api/v1/live/presence", PoolName::RealtimeWs),
            ("/api/v1/live/", PoolName::RealtimeWs),
            ("/api/v1/live/a/b", PoolName::RealtimeWs),
            ("/api/v1/lively", PoolName::Console),
            ("/api/v1/venues/demo/counts", PoolName::Stats),
            ("/api/v1/venues/demo/detections", PoolName::Stats),
            ("/api/v1/venues/demo/heatmap", PoolName::Stats),
            ("/api/v1/counts", PoolName::Stats),
            ("/api/v1/occupancy", PoolName::Stats),
            ("/api/v1/occupancy/history", PoolName::Stats),
            ("/api/v1/openapi/ingest-api.json", PoolName::IngestApi),
            ("/api/v1/openapi/realtime-ws.json", PoolName::RealtimeWs),
            ("/api/v1/openapi/stats.json", PoolName::Stats),
            ("/api/v1/openapi/console.json", PoolName::Console),
            ("/api/v1/openapi/other.json", PoolName::Console),
            ("/api/v1/venues/demo/heatmap", PoolName::Stats),
            ("/api/v1/occupancy", PoolName::Stats),
            ("/api/v1/occupancy/history", PoolName::Stats),
            ("/api/v1/nodes", PoolName::Console),
            ("/api/v1/venues/demo", PoolName::Console),
            ("/api/v1/venues//counts", PoolName::Console),
            ("/api/v1/venues/demo/counts/more", PoolName::Console),
            ("/api/v1/detections/", PoolName::Console),
            ("/api/v1/detectionsx", PoolName::Console),
            ("/", PoolName::Console),
            ("", PoolName::Console),
        ] {
            assert_eq!(PoolName::of(path), pool, "{path}");
        }
    }

    #[test]
    fn names_are_indexed_by_their_number() {
        for (index, pool) in PoolName::ALL.into_iter().enumerate() {
            assert_eq!(pool as usize, index);
        }
    }
}
