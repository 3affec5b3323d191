//! Messages that the worker cannot read, in the middle of good ones.

use citytrack_broker::{Delivery, Message, Publisher, Source, topology::DETECTIONS};
use citytrack_domain::Clock;
use citytrack_e2e::{Servers, Setup, System, TrafficPlan};
use citytrack_messages::{SCHEMA, encode};
use citytrack_testkit::{TestDatabase, TestVhost, batch, eventually, frame, identity, person};

use crate::traffic;

const NEXT_SCHEMA: &str = "citytrack.detections.v2";
/// A field that no schema knows yet: number 1000, the integer 1.
const UNKNOWN_FIELD: [u8; 3] = [0xc0, 0x3e, 1];

#[tokio::test]
async fn what_cannot_be_read_is_put_aside_with_its_reason_and_the_rest_is_stored() {
    let (database, vhost) = (TestDatabase::create().await, TestVhost::create().await);
    let servers = Servers::given(database.url(), &vhost.url(), &vhost.management());
    let mut system = Setup::on(servers).quick().start().await;
    let traffic = traffic(&system, &TrafficPlan::default()).await;

    let [today, next] = [SCHEMA, NEXT_SCHEMA].map(|kind| vhost.publisher(kind));
    for _ in 0..5 {
        publish(&today, b"not protobuf at all".to_vec()).await;
        publish(&next, b"nobody here knows how to read this".to_vec()).await;
        traffic.accepted_more(20).await;
    }
    // From a newer ingest-api whose schema has only grown: read as far as it is known.
    publish(&today, grown(&system).await).await;
    system
        .until("select count(*) from detection where camera = 'grown'", 1)
        .await;

    let sent = traffic.stop().await;
    assert_eq!(sent.retried(), 0, "nodes noticed nothing: {:?}", sent.progress);
    system.close_books(&sent, 10).await;
    let letters = dead_letters(&vhost, 10).await;
    for (kind, reason) in [
        (SCHEMA, "not a message of the schema citytrack.detections.v1"),
        (
            NEXT_SCHEMA,
            "message type \"citytrack.detections.v2\" is not citytrack.detections.v1",
        ),
    ] {
        let told = |letter: &&Delivery| {
            letter.headers["x-citytrack-type"] == kind && letter.headers["x-citytrack-reason"].starts_with(reason)
        };
        assert_eq!(letters.iter().filter(told).count(), 5, "{letters:?}");
    }
}

/// As soon as there is a connection.
async fn publish(publisher: &Publisher, payload: Vec<u8>) {
    eventually("the message is published", async || {
        let message = Message {
            route: "detections.demo".to_owned(),
            payload: payload.clone().into(),
            headers: Vec::new(),
        };
        publisher.publish(message).await.ok()
    })
    .await;
}

/// A batch of the system's node, from a camera of its own, with a field of tomorrow.
async fn grown(system: &System) -> Vec<u8> {
    let client = system.database.client().await.unwrap();
    let node = client.query_one("select id from node", &[]).await.unwrap().get(0);
    let now = Clock::System.now();
    let frames = vec![frame("grown", now, vec![person(0.25, None)])];
    [
        &encode(&batch(&identity("demo", node), now, frames))[..],
        &UNKNOWN_FIELD,
    ]
    .concat()
}

async fn dead_letters(vhost: &TestVhost, count: usize) -> Vec<Delivery> {
    let mut inbox = vhost.inbox(Source::Work(DETECTIONS.dead_letter_queue));
    let mut letters = Vec::new();
    while letters.len() < count {
        letters.extend(inbox.next(count, usize::MAX).await);
    }
    letters
}
