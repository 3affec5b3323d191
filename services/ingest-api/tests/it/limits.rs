//! What a node may send: one that sends too much is told so, and hurts nobody else.

use citytrack_domain::{BatchId, Slug};
use citytrack_storage::nodes;
use citytrack_testkit::changed;
use jiff::SignedDuration;
use reqwest::Response;
use serde_json::{Value, json};

use crate::harness::{Harness, body, now, take};

/// With one byte a second, the first batch uses up minutes of an allowance.
pub(crate) const HARDLY_ANY: &str = "1B";

pub(crate) async fn another_node(harness: &Harness) -> String {
    let venue = Slug::new("demo").unwrap();
    let (slug, id) = (Slug::new("south").unwrap(), uuid::Uuid::now_v7());
    let node = changed(&harness.database.database, async |change| {
        nodes::create(change, id, &venue, &slug, "South").await
    })
    .await
    .unwrap();
    harness.new_key(node.id).await.1
}

pub(crate) async fn post_as(harness: &Harness, key: &str) -> Response {
    harness.request().bearer_auth(key).json(&body()).send().await.unwrap()
}

fn id_from(minutes_ago: i64) -> String {
    BatchId::generate(now() - SignedDuration::from_mins(minutes_ago)).to_string()
}

/// Posts with an id in the header.
async fn post_id(harness: &Harness, id: &str) -> Response {
    harness
        .post(&body())
        .header("Idempotency-Key", id)
        .send()
        .await
        .unwrap()
}

/// A batch that is refused: which policy it met.
pub(crate) async fn limited_by(answer: Response) -> String {
    assert_eq!(answer.status(), 429);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let retry_after = header("retry-after");
    assert!(retry_after.parse::<u64>().unwrap() >= 1);
    let told = answer.headers().contains_key("ratelimit");
    let fields = told.then(|| (header("ratelimit"), header("ratelimit-policy")));
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/too-many-requests", "{problem}");
    let [policy] = &problem["violated-policies"].as_array().unwrap()[..] else {
        panic!("{problem}")
    };
    let policy = policy.as_str().unwrap();
    match fields {
        Some((left, policies)) => {
            assert_eq!(left, format!("\"{policy}\";r=0;t={retry_after}"));
            assert!(policies.contains(&format!("\"{policy}\";q=")), "{policies}");
        }
        None => assert_eq!(policy, "bodies", "what may be received at once is no rate"),
    }
    policy.to_owned()
}

#[tokio::test]
async fn a_mad_node_is_slowed_down_and_its_neighbour_is_not() {
    let harness = Harness::start(&["--rate-live-batches", "20", "--rate-burst", "1s"]).await;
    let mut queue = harness.queue();
    let neighbour = another_node(&harness).await;
    let mad = (0..300).map(|_| post_as(&harness, &harness.key));
    let good = async {
        for _ in 0..20 {
            let answer = post_as(&harness, &neighbour).await;
            assert_eq!(answer.status(), 202);
            let left = answer.headers()["ratelimit"].to_str().unwrap();
            assert!(left.starts_with("\"live\";r="), "{left}");
        }
    };
    let (mad, ()) = tokio::join!(futures_util::future::join_all(mad), good);
    let (taken, refused): (Vec<_>, Vec<_>) = mad.into_iter().partition(|answer| answer.status() == 202);
    assert!(taken.len() >= 20, "{} of its batches were taken", taken.len());
    assert!(!refused.is_empty());
    for answer in refused {
        assert_eq!(limited_by(answer).await, "live");
    }
    assert_eq!(take(&mut queue, taken.len() + 20).await.len(), taken.len() + 20);
}

#[tokio::test]
async fn old_batches_have_an_allowance_of_their_own() {
    let harness = Harness::start(&["--rate-live-bytes", HARDLY_ANY]).await;
    assert_eq!(post_id(&harness, &id_from(0)).await.status(), 202);
    assert_eq!(limited_by(post_id(&harness, &id_from(0)).await).await, "live-bytes");
    for _ in 0..50 {
        let answer = post_id(&harness, &id_from(2)).await;
        assert_eq!(answer.status(), 202);
        assert!(
            answer.headers()["ratelimit"]
                .to_str()
                .unwrap()
                .starts_with("\"backlog\";r=")
        );
    }
    // An id that is only in the body cannot be known before the body is read, and nothing is read now.
    let mut hidden = body();
    hidden["batch_id"] = json!(id_from(2));
    assert_eq!(
        limited_by(harness.post(&hidden).send().await.unwrap()).await,
        "live-bytes"
    );
}

#[tokio::test]
async fn an_old_id_in_the_body_moves_the_batch_to_the_backlog() {
    let harness = Harness::start(&["--rate-live-batches", "1", "--rate-burst", "0s"]).await;
    let mut hidden = body();
    hidden["batch_id"] = json!(id_from(2));
    for _ in 0..10 {
        let answer = harness.post(&hidden).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        assert!(
            answer.headers()["ratelimit"]
                .to_str()
                .unwrap()
                .starts_with("\"backlog\";r=")
        );
    }
    let harness = Harness::start(&["--rate-backlog-bytes", HARDLY_ANY]).await;
    assert_eq!(harness.post(&hidden).send().await.unwrap().status(), 202);
    assert_eq!(
        limited_by(harness.post(&hidden).send().await.unwrap()).await,
        "backlog-bytes"
    );
    assert_eq!(
        post_id(&harness, &id_from(0)).await.status(),
        202,
        "live is not used up"
    );
}

#[tokio::test]
async fn all_keys_of_a_node_share_what_it_may_send() {
    let harness = Harness::start(&["--rate-live-bytes", HARDLY_ANY]).await;
    assert_eq!(post_as(&harness, &harness.key).await.status(), 202);
    let (_, second) = harness.new_key(harness.node).await;
    assert_eq!(limited_by(post_as(&harness, &second).await).await, "live-bytes");
    let neighbour = another_node(&harness).await;
    assert_eq!(post_as(&harness, &neighbour).await.status(), 202);
    assert_eq!(limited_by(post_as(&harness, &harness.key).await).await, "live-bytes");
}
