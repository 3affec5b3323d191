//! The database itself fails: killed, full up with connections, closed, or out of disk. The broker holds the backlog
//! meanwhile, and nodes notice nothing: ingest-api needs the database only for keys that it has not seen yet.

use citytrack_e2e::{Servers, Setup, System, Traffic, TrafficPlan};
use citytrack_storage::{Client, Database};
use citytrack_testkit::{PostgresOptions, PrivatePostgres, TestDatabase, TestVhost, database, eventually_within};

use crate::{PATIENCE, hold::Hold, says, traffic};

/// A system with short timeouts on this database, with a virtual host that must live for as long.
async fn on_database(url: &str) -> (TestVhost, System) {
    let vhost = TestVhost::create().await;
    let servers = Servers::given(url, &vhost.url(), &vhost.management());
    (vhost, Setup::on(servers).quick().start().await)
}

/// The worker says what is wrong, and nodes are answered 202 all the same.
async fn only_the_worker_notices(system: &System, traffic: &Traffic, reason: &str) {
    says(&system.workers[0], "database", reason).await;
    traffic.accepted_more(200).await;
}

/// After the outage: nothing needs a hand, and nodes had nothing to repeat.
async fn all_is_well(mut system: System, traffic: Traffic) {
    system.recovered().await;
    traffic.accepted_more(100).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn postgres_is_killed_in_the_middle_of_a_transaction() {
    let mut postgres = PrivatePostgres::start(PostgresOptions::default()).await;
    let (_vhost, system) = on_database(&postgres.url()).await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let hold = Hold::workers(&system, 1).await;
    postgres.kill().await;
    drop(hold);
    only_the_worker_notices(&system, &traffic, "Connection refused").await;
    postgres.restart().await;

    all_is_well(system, traffic).await;
}

#[tokio::test]
async fn every_session_of_the_database_is_ended_and_no_new_one_allowed() {
    let closed = TestDatabase::create().await;
    let (_vhost, system) = on_database(closed.url()).await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    closed.shut().await;
    only_the_worker_notices(&system, &traffic, "not currently accepting connections").await;
    closed.reopen().await;

    all_is_well(system, traffic).await;
}

#[tokio::test]
async fn others_have_taken_every_connection_that_postgres_allows() {
    let postgres = PrivatePostgres::start(PostgresOptions {
        settings: &[&format!("max_connections={CONNECTIONS}")],
        disk: None,
    })
    .await;
    let (_vhost, system) = on_database(&postgres.url()).await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let others = take_every_connection(&system.database).await;
    only_the_worker_notices(&system, &traffic, "too many clients already").await;
    drop(others);

    all_is_well(system, traffic).await;
}

/// Enough for every service, and few enough to be taken quickly.
const CONNECTIONS: i64 = 24;

/// Throws the services out and takes their places, until all are ours.
async fn take_every_connection(database: &Database) -> Vec<Client> {
    let mut taken = Vec::new();
    let own = database.client().await.unwrap();
    let evict =
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'citytrack %'";
    let ours = "select count(*) from pg_stat_activity where application_name = 'citytrack-test'";
    eventually_within(PATIENCE, "every connection is ours", async || {
        own.query_one(evict, &[]).await.unwrap();
        while let Ok(client) = database.dedicated().await {
            taken.push(client);
        }
        let ours: i64 = own.query_one(ours, &[]).await.unwrap().get(0);
        (ours == CONNECTIONS).then_some(())
    })
    .await;
    taken
}

#[tokio::test]
async fn the_disk_of_the_database_is_full() {
    let postgres = PrivatePostgres::start(PostgresOptions {
        // Which could give back what the filler took.
        settings: &["autovacuum=off"],
        disk: Some("32m"),
    })
    .await;
    let operator = database(&postgres.url()).client().await.unwrap();
    for statement in [
        &format!("create tablespace small location '{}'", postgres.disk().display()),
        "create database citytrack tablespace small",
        "create table filler (row text) tablespace small",
    ] {
        operator.batch_execute(statement).await.unwrap();
    }
    let (_vhost, system) = on_database(&postgres.url_of("citytrack")).await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let filler = "insert into filler select md5(number::text) from generate_series(1, 10000000) number";
    let full = operator.batch_execute(filler).await.unwrap_err();
    assert_eq!(full.code().unwrap().code(), "53100");
    only_the_worker_notices(&system, &traffic, "No space left on device").await;
    operator.batch_execute("drop table filler").await.unwrap();

    all_is_well(system, traffic).await;
}
