//! Waiting for what will come, without sleeping for longer than it takes.

use std::time::{Duration, Instant};

/// Asks `check` until it gives a value, for at most ten seconds; then the test fails and says what it waited for.
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited ten seconds for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
