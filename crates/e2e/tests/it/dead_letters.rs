//! Dead letters as an operator meets them: the metric that the alert looks at, and the tool.

use std::process::Command;

use citytrack_broker::Message;
use citytrack_e2e::{Servers, Setup, System, binary};
use citytrack_testkit::{TestDatabase, TestVhost, eventually};

async fn until_metric(system: &System, letters: f64) {
    eventually(&format!("the worker reports {letters} dead letters"), async || {
        let reported = system.workers[0].metric("citytrack_persist_dead_letters", "").await;
        (reported == letters).then_some(())
    })
    .await;
}

fn tool(vhost: &TestVhost, arguments: &[&str]) -> String {
    let mut command = Command::new(binary("worker"));
    command
        .arg("dead-letters")
        .args(arguments)
        .env("CITYTRACK_BROKER__URL", vhost.url());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_worker_reports_dead_letters_until_they_are_gone() {
    let (database, vhost) = (TestDatabase::create().await, TestVhost::create().await);
    let servers = Servers::given(database.url(), &vhost.url(), &vhost.management());
    let system = Setup::on(servers)
        .set("worker", "CITYTRACK_PERSIST__DEAD_LETTERS_INTERVAL", "100ms")
        .start()
        .await;
    let publisher = vhost.publisher("citytrack.detections.v2");
    eventually("two messages are published", async || {
        let message = || Message {
            route: "detections.demo".to_owned(),
            payload: "from the future".into(),
            headers: Vec::new(),
        };
        publisher.publish(message()).await.ok()?;
        publisher.publish(message()).await.ok()
    })
    .await;
    until_metric(&system, 2.0).await;
    assert!(
        system.workers[0]
            .metric("citytrack_persist_dead_letters_limit", "")
            .await
            > 0.0
    );
    // The same message twice: one id.
    let listed = tool(&vhost, &["list", "--format", "json"]);
    let ids: Vec<_> = listed
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    let dropped = tool(&vhost, &["drop", ids[0].as_str().unwrap(), "--yes"]);
    assert!(dropped.ends_with("2 dead letters dropped.\n"), "{dropped}");
    until_metric(&system, 0.0).await;
}
