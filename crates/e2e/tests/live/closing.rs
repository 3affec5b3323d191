//! The end of an instance: its viewers are told to come back later, one after the other.

use std::time::{Duration, Instant};

use citytrack_e2e::Viewer;
use tokio::task::JoinSet;

use crate::{Demo, setup};

#[tokio::test]
async fn at_the_end_viewers_are_closed_over_a_window() {
    let window = Duration::from_secs(3);
    let setup = setup(1).await.set("realtime-ws", "CITYTRACK_LIVE__CLOSE_WINDOW", "3s");
    let mut demo = Demo::start(setup).await;
    let mut viewers = JoinSet::new();
    for _ in 0..60 {
        let mut viewer = Viewer::watch(&demo.system.address, &demo.token, "demo").await;
        viewers.spawn(async move { (viewer.hears_the_end().await, Instant::now()) });
    }
    assert!(demo.system.live[0].terminate().await.success());
    let ends = viewers.join_all().await;
    assert!(ends.iter().all(|(code, _)| *code == Some(1012)), "{ends:?}");
    let times = || ends.iter().map(|(_, at)| *at);
    let spread = times().max().unwrap() - times().min().unwrap();
    // By chance the first and the last of 60 are not quite at its ends; all at once they certainly are not.
    assert!(spread > window / 2, "{spread:?}");
}
