//! A network that falls silent: no answer, and no word that there will be none.

use std::time::Duration;

use citytrack_domain::Clock;
use citytrack_storage::{Database, DatabaseOptions, batches::BatchWriter};
use citytrack_testkit::{Proxy, TestDatabase, batch, demo_node, eventually, frame};

#[tokio::test]
async fn a_silent_connection_is_given_up_and_its_transaction_does_not_stay_in_the_way() {
    let test = TestDatabase::create().await;
    let source = demo_node(&test.database).await;
    let (proxy, url) = Proxy::before(test.url()).await;
    let database = Database::connect(&DatabaseOptions {
        url,
        pool_size: 2,
        wait: Duration::from_millis(500),
        statement_timeout: Duration::from_millis(500),
        read_only: false,
        application_name: "silence",
    })
    .unwrap();
    let now = Clock::System.now();
    let batches = [batch(&source, now, vec![frame("door", now, Vec::new())])];
    let mut writer = BatchWriter::new(database.clone());

    // The id is written, the buckets are not, when the network falls silent.
    let lock = test.database.client().await.unwrap();
    lock.batch_execute("begin; lock table camera_minute in exclusive mode")
        .await
        .unwrap();
    let silence = async {
        let waiting = "select from pg_stat_activity where application_name = 'silence' and wait_event_type = 'Lock'
                       and datname = current_database()";
        eventually("the writer waits", async || {
            test.database
                .client()
                .await
                .unwrap()
                .query_opt(waiting, &[])
                .await
                .unwrap()
        })
        .await;
        proxy.freeze();
        lock.batch_execute("rollback").await.unwrap();
    };
    let (error, ()) = tokio::join!(async { writer.insert(&batches).await.unwrap_err() }, silence);
    assert!(error.is_transient() && error.is_timeout(), "{error:?}");
    let error = database.ping().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");

    // New connections pass, the old one stays silent: PostgreSQL does not know that nobody will end its transaction.
    proxy.heal();
    eventually("the batch is stored", async || writer.insert(&batches).await.ok()).await;
    let count = "select count(*) from frame";
    let frames: i64 = test
        .database
        .client()
        .await
        .unwrap()
        .query_one(count, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(frames, 1);
}
