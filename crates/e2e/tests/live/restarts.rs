//! Instances end and start again, in good order or not: their viewers miss nothing.

use citytrack_e2e::{Audience, Seen};
use serde_json::json;

use crate::{Demo, gentle, setup};

const SHUTDOWN: u16 = 1012;

/// All of them came back with all they had missed, after each end of a socket.
fn assert_recovered(audience: &[Seen], closed: Option<u16>) {
    for seen in audience {
        let mut expected = vec![true; seen.closed.len() + 1];
        expected[0] = false;
        assert_eq!(seen.recovered, expected);
        assert!(seen.closed.iter().all(|code| *code == closed), "{:?}", seen.closed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_500_viewers_loses_no_frame() {
    let mut demo = Demo::start(setup(3).await).await;
    let wish = json!({ "venue": "demo" });
    let mut audience = Audience::gather(500, &demo.system.address, &demo.token, &wish).await;
    let traffic = demo.traffic(&gentle(8));
    audience.sees_more(500).await;

    for instance in 0..demo.system.live.len() {
        let before = audience.returns();
        let instance = &mut demo.system.live[instance];
        assert!(instance.terminate().await.success());
        instance.restart();
        instance.ready().await;
        // Its viewers, a third of all at the least, are elsewhere and go on.
        audience.returned(before + 120).await;
        audience.sees_more(1_000).await;
    }

    let sent = traffic.stop().await;
    assert_recovered(&audience.saw_everything(&sent).await, Some(SHUTDOWN));
}

/// What the only instance had in its hands comes to it again, so that it can say what its viewers have missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_instance_comes_back_with_what_it_held() {
    let mut demo = Demo::start(setup(1).await).await;
    let wish = json!({ "venue": "demo" });
    let mut audience = Audience::gather(100, &demo.system.address, &demo.token, &wish).await;
    let traffic = demo.traffic(&gentle(20));
    audience.sees_more(2_000).await;

    for _ in 0..2 {
        let before = audience.returns();
        demo.system.live[0].kill();
        traffic.accepted_more(20).await;
        demo.system.live[0].restart();
        audience.returned(before + 100).await;
        audience.sees_more(1_000).await;
    }

    let sent = traffic.stop().await;
    assert_recovered(&audience.saw_everything(&sent).await, None);
}

/// The viewers of one of two go on at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_instances_one_is_killed() {
    let mut demo = Demo::start(setup(2).await).await;
    let wish = json!({ "venue": "demo" });
    let mut audience = Audience::gather(100, &demo.system.address, &demo.token, &wish).await;
    let traffic = demo.traffic(&gentle(20));
    audience.sees_more(2_000).await;

    demo.system.live[0].kill();
    audience.returned(50).await;
    audience.sees_more(1_000).await;

    let sent = traffic.stop().await;
    assert_recovered(&audience.saw_everything(&sent).await, None);
}
