//! The allowances of a node, with a clock that is moved by hand.

use actix_web::http::header::HeaderMap;
use citytrack_common::settings::from_args;

use super::*;
use crate::Settings;

const NOW: &str = "2026-11-22T10:00:00Z";

/// Two live and four backlog batches a second, one second's worth at once; 1,000 and 2,000 bytes.
fn limiter() -> Arc<Limiter> {
    with(&[
        "--rate-live-batches=2",
        "--rate-live-bytes=1000",
        "--rate-backlog-batches=4",
        "--rate-backlog-bytes=2000",
    ])
}

fn with(extra: &[&str]) -> Arc<Limiter> {
    with_burst("1s", extra)
}

fn with_burst(burst: &str, extra: &[&str]) -> Arc<Limiter> {
    let given = [
        "--database-url=postgres://x",
        "--broker-url=amqp://x",
        "--rate-burst",
        burst,
    ];
    let settings: Settings = from_args(given.iter().chain(extra)).unwrap();
    Arc::new(Limiter::new(&settings.rate))
}

fn at(millis: i64) -> Moment {
    Moment(millis * 1_000_000)
}

fn refused(policy: Policy, millis: u64) -> Refused {
    Refused {
        policy,
        wait: Duration::from_millis(millis),
    }
}

#[test]
fn an_id_older_than_a_minute_is_backlog() {
    let now: Timestamp = NOW.parse().unwrap();
    let id = |seconds| BatchId::generate(now - SignedDuration::from_secs(seconds));
    assert_eq!(limiter().kind(id(60), now), Kind::Live);
    assert_eq!(limiter().kind(id(61), now), Kind::Backlog);
    assert_eq!(limiter().kind(id(-200), now), Kind::Live, "a clock that is ahead");
}

#[test]
fn the_allowances_do_not_touch_each_other() {
    let (limiter, node) = (limiter(), Arc::<Allowances>::default());
    let admit = |kind| {
        limiter
            .admit(&node, Some(kind), 10, at(0))
            .map(|admission| admission.kind)
    };
    assert_eq!((admit(Kind::Live), admit(Kind::Live)), (Ok(Kind::Live), Ok(Kind::Live)));
    assert_eq!(admit(Kind::Live), Err(refused(Policy::Live, 500)));
    for _ in 0..4 {
        assert_eq!(admit(Kind::Backlog), Ok(Kind::Backlog));
    }
    assert_eq!(admit(Kind::Backlog), Err(refused(Policy::Backlog, 250)));
    assert!(limiter.admit(&node, Some(Kind::Live), 10, at(500)).is_ok());
    let other = Arc::<Allowances>::default();
    assert!(
        limiter.admit(&other, Some(Kind::Live), 10, at(0)).is_ok(),
        "another node"
    );
}

#[test]
fn bytes_are_limited_like_batches_and_a_refusal_costs_nothing() {
    let (limiter, node) = (limiter(), Arc::<Allowances>::default());
    let mut admission = limiter.admit(&node, Some(Kind::Live), 1_500, at(0)).unwrap();
    admission.used(1_500, at(0));
    for _ in 0..5 {
        let answer = limiter.admit(&node, Some(Kind::Live), 1, at(0)).map(drop);
        assert_eq!(answer, Err(refused(Policy::LiveBytes, 501)));
    }
    assert!(limiter.admit(&node, Some(Kind::Live), 1, at(501)).is_ok());
}

#[test]
fn a_body_is_charged_for_what_it_unpacks_to() {
    let (limiter, node) = (limiter(), Arc::<Allowances>::default());
    let mut admission = limiter.admit(&node, Some(Kind::Live), 100, at(0)).unwrap();
    admission.used(100, at(0));
    admission.used(3_000, at(0));
    drop(admission);
    let answer = limiter.admit(&node, Some(Kind::Live), 1, at(0)).map(drop);
    assert_eq!(answer, Err(refused(Policy::LiveBytes, 2_001)));
    let (limiter, node) = (self::limiter(), Arc::<Allowances>::default());
    let mut admission = limiter.admit(&node, Some(Kind::Live), 3_000, at(0)).unwrap();
    admission.used(400, at(0));
    drop(admission);
    assert_eq!(left(&limiter, &node), "\"live\";r=1;t=1, \"live-bytes\";r=600;t=1");
}

fn left(limiter: &Limiter, node: &Allowances) -> String {
    let mut headers = HeaderMap::new();
    limiter.tell(node, Kind::Live, at(0), &mut headers);
    headers.get("ratelimit").unwrap().to_str().unwrap().to_owned()
}

#[test]
fn what_one_batch_unpacks_to_holds_up_the_next_but_not_itself() {
    let (limiter, node) = (limiter(), Arc::<Allowances>::default());
    let mut large = limiter.admit(&node, Some(Kind::Live), 100, at(0)).unwrap();
    let small = limiter.admit(&node, Some(Kind::Live), 10, at(0)).unwrap();
    assert_eq!(small.check(at(0)), Ok(()));
    large.used(3_000, at(0));
    assert_eq!(small.check(at(0)), Err(refused(Policy::LiveBytes, 2_011)));
    assert_eq!(large.check(at(0)), Ok(()));
    assert_eq!(small.check(at(2_011)), Ok(()));
}

#[test]
fn bytes_that_never_came_are_given_back() {
    let (limiter, node) = (limiter(), Arc::<Allowances>::default());
    drop(limiter.admit(&node, Some(Kind::Live), 3_000, at(0)).unwrap());
    assert_eq!(left(&limiter, &node), "\"live\";r=1;t=1, \"live-bytes\";r=1000;t=1");
}

#[test]
fn without_the_header_an_old_batch_moves_to_the_backlog_when_it_was_read() {
    let (limiter, node) = (limiter(), Arc::<Allowances>::default());
    for _ in 0..4 {
        let mut admission = limiter.admit(&node, None, 10, at(0)).unwrap();
        assert_eq!(admission.assign(Kind::Backlog, at(0)), Ok(Kind::Backlog));
    }
    // The backlog is used up. Each further body that had to be read costs a live batch, until none is read any more.
    for _ in 0..2 {
        let mut admission = limiter.admit(&node, None, 10, at(0)).unwrap();
        let settled = admission.assign(Kind::Backlog, at(0));
        assert_eq!(settled, Err(refused(Policy::Backlog, 250)));
    }
    assert_eq!(
        limiter.admit(&node, None, 10, at(0)).map(drop),
        Err(refused(Policy::Live, 500))
    );
    assert_eq!(
        limiter.admit(&node, None, 10, at(499)).map(drop),
        Err(refused(Policy::Live, 1))
    );
    assert!(limiter.admit(&node, None, 10, at(500)).is_ok());
}

#[test]
fn a_node_is_named_in_the_log_once_a_minute() {
    let node = Arc::<Allowances>::default();
    let logged = [1, 2, 60_000, 60_001, 60_002, 200_000].map(|millis| node.should_be_logged(at(millis)));
    assert_eq!(logged, [true, false, false, true, false, true]);
}

#[test]
fn the_fields_say_what_is_left_and_for_how_long() {
    let (limiter, node) = (limiter(), Arc::<Allowances>::default());
    let mut headers = HeaderMap::new();
    let mut admission = limiter.admit(&node, Some(Kind::Live), 400, at(0)).unwrap();
    admission.used(400, at(0));
    limiter.tell(&node, Kind::Live, at(0), &mut headers);
    assert_eq!(
        headers.get("ratelimit-policy").unwrap(),
        "\"live\";q=2;w=1, \"live-bytes\";q=1000;qu=\"content-bytes\";w=1, \
         \"backlog\";q=4;w=1, \"backlog-bytes\";q=2000;qu=\"content-bytes\";w=1"
    );
    assert_eq!(
        headers.get("ratelimit").unwrap(),
        "\"live\";r=1;t=1, \"live-bytes\";r=600;t=1"
    );
    limiter
        .fields(Kind::Live)
        .refuse(&refused(Policy::Backlog, 3_200), &mut headers);
    assert_eq!(headers.get("ratelimit").unwrap(), "\"backlog\";r=0;t=4");
}

#[test]
fn no_more_can_be_left_than_the_policy_names() {
    let (limiter, node) = (with_burst("4500ms", &[]), Arc::<Allowances>::default());
    let mut headers = HeaderMap::new();
    limiter.tell(&node, Kind::Live, at(0), &mut headers);
    let policy = headers.get("ratelimit-policy").unwrap().to_str().unwrap();
    assert!(policy.starts_with("\"live\";q=2500;w=5, "), "{policy}");
    assert!(
        headers
            .get("ratelimit")
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("\"live\";r=2250;")
    );
    let mut headers = HeaderMap::new();
    limiter
        .fields(Kind::Live)
        .refuse(&refused(Policy::Bodies, 1_000), &mut headers);
    assert!(headers.is_empty(), "how much may be received at once is no rate");
}

#[test]
fn nothing_is_limited_and_nothing_told_when_all_rates_are_0() {
    let off = [
        "--rate-live-batches=0",
        "--rate-live-bytes=0",
        "--rate-backlog-batches=0",
        "--rate-backlog-bytes=0",
    ];
    let (limiter, node) = (with(&off), Arc::<Allowances>::default());
    for _ in 0..10_000 {
        let mut admission = limiter.admit(&node, None, 1 << 30, at(0)).unwrap();
        assert_eq!(admission.assign(Kind::Backlog, at(0)), Ok(Kind::Backlog));
    }
    let mut headers = HeaderMap::new();
    limiter.tell(&node, Kind::Live, at(0), &mut headers);
    assert!(headers.is_empty());
}

#[test]
fn pictures_have_an_allowance_of_their_own_and_fields_that_tell_of_it() {
    let limiter = with(&["--rate-images=2", "--rate-image-bytes=5000"]);
    let node = Arc::<Allowances>::default();
    let mut picture = limiter.admit(&node, Some(Kind::Image), 4_000, at(0)).unwrap();
    picture.used(4_000, at(0));
    let _another = limiter.admit(&node, Some(Kind::Image), 0, at(0)).unwrap();
    let too_early = limiter.admit(&node, Some(Kind::Image), 1, at(0)).unwrap_err();
    assert_eq!(too_early.policy, Policy::Images);
    assert!(
        limiter.admit(&node, Some(Kind::Live), 1, at(0)).is_ok(),
        "of batches nothing is used"
    );
    let mut headers = HeaderMap::new();
    limiter.tell(&node, Kind::Image, at(0), &mut headers);
    assert_eq!(
        headers.get("ratelimit-policy").unwrap(),
        "\"images\";q=2;w=1, \"image-bytes\";q=5000;qu=\"content-bytes\";w=1"
    );
    assert_eq!(
        headers.get("ratelimit").unwrap(),
        "\"images\";r=0;t=1, \"image-bytes\";r=1000;t=1"
    );
}
