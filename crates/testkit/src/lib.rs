//! For tests only: a real PostgreSQL database and a real RabbitMQ virtual host for each test, builders, and asserts that
//! wait. The servers come from `scripts/test-servers`; where they are missing the test fails and says so.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code"
)]
// Named pieces of test code are their own documentation; errors are panics.
#![allow(
    clippy::missing_panics_doc,
    reason = "test code panics when something is not as it should be"
)]

mod builders;
mod database;
mod eventually;
mod private;
mod proxy;
mod queues;
mod vhost;

pub use builders::{batch, change, changed, demo_node, frame, identity, person};
pub use database::{TestDatabase, database};
pub use eventually::{eventually, eventually_within};
pub use private::{PostgresOptions, PrivateBroker, PrivatePostgres};
pub use proxy::Proxy;
pub use queues::{
    delete_queue, keep_dead_letters, limit_deliveries, limit_persist_queue, limit_queue, queue_is_empty, queues_named,
    ready_messages, stays_empty,
};
pub use vhost::TestVhost;

/// The value of a variable that `scripts/test-servers` provides.
pub(crate) fn server(variable: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "where the test servers are is no setting of a service")]
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `scripts/test-servers start` and `eval \"$(scripts/test-servers env)\"`, or just `scripts/test`")
    })
}

/// A name that no other test has.
pub fn unique_name() -> String {
    format!("test_{}", uuid::Uuid::now_v7().simple())
}

/// Runs `future` to its end on a thread of its own: for clean-up in `Drop`, where nothing can be awaited.
pub(crate) fn block_on(future: impl Future<Output = ()> + Send + 'static) {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let _ = std::thread::spawn(move || runtime().block_on(future)).join();
}
