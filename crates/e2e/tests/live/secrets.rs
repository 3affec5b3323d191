//! Whatever way a token comes, it is not in what any process logs, not even in the details.

use citytrack_e2e::{ADMINISTRATOR, EventStream, TokenBy, Viewer};
use reqwest::Method;
use serde_json::json;

use crate::{Demo, Frame, setup};

#[tokio::test]
async fn no_token_is_ever_logged() {
    let mut demo = Demo::start(setup(1).await.logged()).await;
    let address = demo.system.address.clone();
    let (first, second) = (demo.token.clone(), demo.system.viewer_token("demo").await);
    for token_by in [TokenBy::Header, TokenBy::Subprotocol, TokenBy::Message] {
        let mut viewer = Viewer::open_by(token_by, &address, &first).await;
        viewer.subscribe(json!({ "venue": "demo" })).await;
        let refreshed = json!({ "type": "authenticate", "token": second });
        viewer.send(&refreshed).await.unwrap();
        viewer.hears("authenticated").await;
        // One that is not good, and one where none belongs.
        let bad = json!({ "type": "authenticate", "token": format!("{second}x") });
        viewer.send(&bad).await.unwrap();
        viewer
            .send(&json!({ "type": "subscribe", "token": second }))
            .await
            .unwrap();
        demo.post(&Frame::new(1)).await;
        viewer.sees_more(1).await;
    }
    let mut events = EventStream::open(&address, &first, "venue=demo", None).await;
    events.hears("subscribed").await;
    let in_the_address = format!("/api/v1/live?venue=demo&token={first}");
    for path in [in_the_address.as_str(), "/api/v1/live", "/api/v1/live/presence"] {
        let _whatever = demo
            .system
            .request(Method::GET, path, &format!("{first}x"))
            .send()
            .await;
        let _whatever = demo.system.request(Method::GET, path, ADMINISTRATOR).send().await;
    }
    assert!(demo.system.live[0].terminate().await.success());

    let logs = demo.system.logs();
    for service in ["ingest-api", "realtime-ws", "gateway", "console"] {
        let said = logs
            .iter()
            .any(|(file, text)| file.starts_with(service) && !text.is_empty());
        assert!(said, "{service} logs nothing: then this test sees nothing");
    }
    // The last part of a token is its signature, without which the rest is worth nothing.
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let secrets = [
        signature(&first),
        signature(&second),
        demo.key.clone(),
        ADMINISTRATOR.to_owned(),
    ];
    for (file, text) in &logs {
        for line in text.lines() {
            let told = secrets.iter().any(|secret| line.contains(secret));
            assert!(!told, "{file}: {line}");
        }
    }
}
