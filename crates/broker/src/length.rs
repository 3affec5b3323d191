//! How many messages wait in a queue.

use std::{convert::Infallible, time::Duration};

use lapin::{options::QueueDeclareOptions, types::FieldTable};
use tracing::warn;

use crate::connection::{Link, Options};

/// Reports the messages of `queue` that no consumer holds, at once and then every `interval`, for as long as it is polled.
/// Rebuilds its connection by itself.
pub async fn follow_length(
    options: &Options,
    queue: &str,
    interval: Duration,
    mut report: impl FnMut(u32),
) -> Infallible {
    loop {
        let link = Link::establish(options, |_| ()).await;
        loop {
            match length(&link, queue).await {
                Ok(messages) => report(messages),
                Err(error) => {
                    warn!(broker.connection = options.name, broker.queue = queue, %error, "cannot ask for the length of a queue");
                    break;
                }
            }
            tokio::time::sleep(interval).await;
        }
        // Also when the connection is fine and only the question is refused.
        tokio::time::sleep(interval).await;
    }
}

/// Asks once.
pub(crate) async fn length(link: &Link, queue: &str) -> Result<u32, lapin::Error> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let queue = link
        .channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await?;
    Ok(queue.message_count())
}
