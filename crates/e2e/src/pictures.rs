//! Pictures for tests, and their uploads under faults.

use std::{fs, path::PathBuf, time::Duration};

use citytrack_domain::{Clock, ImageId};
use citytrack_testkit::{eventually_within, queue_is_empty, ready_messages};
use reqwest::{Client, StatusCode};
use tokio::{task::JoinSet, time::timeout};

use crate::{Servers, System};

/// Uploaders of [`Uploads`] that work side by side.
const UPLOADERS: usize = 4;
/// The longest that a fault and the way of all pictures after it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two attempts to upload a picture.
const RETRY: Duration = Duration::from_millis(100);

/// A real photograph.
pub fn photograph() -> Vec<u8> {
    picture("rocket.jpg")
}

/// One of the pictures of scikit-image.
pub fn picture(name: &str) -> Vec<u8> {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the pictures are is no setting of a service"
    )]
    let folder =
        std::env::var_os("CITYTRACK_TEST_PICTURES").expect("CITYTRACK_TEST_PICTURES is not set: use scripts/test");
    fs::read(PathBuf::from(folder).join(name)).unwrap()
}

/// Uploads of pictures that go on while something fails: each under an id of its own, again until it is accepted.
pub struct Uploads {
    uploaders: JoinSet<usize>,
}

impl Uploads {
    /// Begins to upload so many pictures, each `times` times.
    pub fn start(system: &System, key: &str, pictures: usize, times: usize) -> Self {
        let mut uploaders = JoinSet::new();
        for _ in 0..UPLOADERS {
            let (url, key) = (system.url("/api/v1/images"), key.to_owned());
            uploaders.spawn(async move {
                for _ in 0..pictures / UPLOADERS {
                    let id = ImageId::generate(Clock::System.now());
                    for _ in 0..times {
                        accepted(&format!("{url}?id={id}&boxes=[]"), &key).await;
                    }
                }
                pictures / UPLOADERS
            });
        }
        Self { uploaders }
    }

    /// Waits until all were accepted, all is well again, and each is saved exactly once, with nothing left on the way.
    pub async fn saved_once(self, system: &System) {
        let uploaded: usize = self.uploaders.join_all().await.iter().sum();
        system.recovered().await;
        let uploaded = i64::try_from(uploaded).unwrap();
        let ready = "select count(*) from image where state = 'ready'";
        eventually_within(PATIENCE, &format!("{uploaded} pictures are saved"), async || {
            (system.number(ready).await == uploaded).then_some(())
        })
        .await;
        let Servers { broker, management, .. } = system.servers();
        for queue in ["citytrack.transform", "citytrack.save"] {
            queue_is_empty(management, broker, queue).await;
        }
        assert_eq!(
            system.number("select count(*) from image").await,
            uploaded,
            "and no others"
        );
        assert_eq!(
            system.number("select count(*) from image_variant").await,
            3 * uploaded,
            "all forms of each, and no original"
        );
        assert_eq!(ready_messages(management, broker, "citytrack.images.dead", 1).await, 0);
    }
}

/// Uploads until it is accepted, as a node does.
async fn accepted(url: &str, key: &str) {
    let (client, picture) = (Client::new(), photograph());
    let attempts = async {
        loop {
            let answer = client.post(url).bearer_auth(key).body(picture.clone()).send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::ACCEPTED) {
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
    };
    timeout(PATIENCE, attempts).await.expect("a picture is accepted");
}
