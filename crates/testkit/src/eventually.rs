//! Waiting for what will come, without sleeping for longer than it takes.

use std::time::{Duration, Instant};

/// Asks `check` until it gives a value, for at most ten seconds; then the test fails and says what it waited for.
pub async fn eventually<T>(what: &str, check: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(Duration::from_secs(10), what, check).await
}

/// The same with another limit, for what takes the timeouts of several parts.
pub async fn eventually_within<T>(limit: Duration, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
