//! A token that names cameras shows those, whatever its bearer asks for.

use citytrack_e2e::{EventStream, Viewer};
use reqwest::Method;
use serde_json::json;

use crate::{Demo, Frame, setup};

#[tokio::test]
async fn a_token_that_names_cameras_shows_no_others() {
    let demo = Demo::start(setup(1).await).await;
    let request = json!({ "venues": ["demo"], "cameras": { "demo": ["entrance", "south/exit"] }, "ttl": "1h" });
    let limited = demo
        .system
        .control(Method::POST, "/api/v1/viewer-tokens", &request)
        .await;
    let token = limited["token"].as_str().unwrap();
    let address = &demo.system.address;

    let mut viewer = Viewer::watch(address, token, "demo").await;
    let mut greedy = Viewer::open(address, token).await;
    let filter = json!({ "not": { "camera": { "in": ["nowhere"] } } });
    greedy.subscribe(json!({ "venue": "demo", "filter": filter })).await;
    let mut events = EventStream::open(address, token, "venue=demo&camera=exit,entrance", None).await;
    events.hears("subscribed").await;
    // `exit` is allowed of another node, not of this one.
    for (number, camera) in (1..).zip(["exit", "yard", "entrance"]) {
        demo.post(&Frame {
            camera,
            ..Frame::new(number)
        })
        .await;
    }
    for viewer in [&mut viewer, &mut greedy] {
        viewer.sees_more(1).await;
        viewer.catches_up().await;
        let seen = viewer.seen();
        assert_eq!((&seen.frames["north/entrance"][..], seen.count()), (&[3][..], 1));
        // Also what is missed, and the snapshot.
        viewer.leave();
    }
    assert_eq!(events.hears("frame").await.data["camera"], "entrance");
    for (number, camera) in (4..).zip(["exit", "yard", "entrance"]) {
        demo.post(&Frame {
            camera,
            ..Frame::new(number)
        })
        .await;
    }
    assert!(viewer.come_back(std::time::Duration::ZERO).await.recovered);
    viewer.sees_more(1).await;
    viewer.catches_up().await;
    assert_eq!(
        (&viewer.seen().frames["north/entrance"][..], viewer.seen().count()),
        (&[3, 6][..], 2)
    );
    let late = Viewer::watch(address, token, "demo").await;
    assert_eq!(late.seen().snapshot.keys().collect::<Vec<_>>(), ["north/entrance"]);
}
