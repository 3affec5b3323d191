//! Which upload is in hand when.
//!
//! A few more are in hand than there are threads, so that a thread has its next picture while the broker takes the last one's. Those
//! that come back are suspects: one of them may be what a worker died of, and must not take those along that are in hand by chance.

use std::time::Duration;

use citytrack_broker::{Delivery, Inbox};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::common::Stopped;

/// All that a worker had in hand comes back when it dies, but not in one moment: nothing more comes when nothing did for so long.
const GATHERED_AFTER: Duration = Duration::from_millis(300);

/// Brings everything in the queue to its end with `settle`, `ahead` at once at most, until `stop`, or until one of them stops. What is
/// in hand then still comes to its end, if it can.
pub(super) async fn run<F: Future<Output = Result<(), Stopped>>>(
    inbox: &mut Inbox,
    ahead: usize,
    stop: &CancellationToken,
    settle: impl Fn(Delivery) -> F,
) {
    let settle = |delivery: Delivery| {
        let (tag, settled) = (delivery.tag, settle(delivery));
        async move { settled.await.map(|()| tag) }
    };
    let mut in_hand = FuturesUnordered::new();
    let mut suspects = Vec::new();
    loop {
        let room = if suspects.is_empty() { ahead - in_hand.len() } else { 0 };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(settled) = in_hand.next() => match settled {
                Ok(tag) => inbox.settle_one(tag).await,
                Err(Stopped) => break,
            },
            deliveries = inbox.next(room, usize::MAX), if room > 0 => {
                let (returned, others): (Vec<_>, Vec<_>) = deliveries.into_iter().partition(|delivery| delivery.returned > 0);
                suspects = returned;
                in_hand.extend(others.into_iter().map(&settle));
            }
        }
        if in_hand.is_empty() && !suspects.is_empty() {
            gather(inbox, &mut suspects, ahead).await;
            for suspect in alternating(std::mem::take(&mut suspects)) {
                match settle(suspect).await {
                    Ok(tag) => inbox.settle_one(tag).await,
                    Err(Stopped) => return,
                }
            }
        }
    }
    while let Some(settled) = in_hand.next().await {
        if let Ok(tag) = settled {
            inbox.settle_one(tag).await;
        }
    }
}

/// The others that came back with those.
async fn gather(inbox: &mut Inbox, suspects: &mut Vec<Delivery>, ahead: usize) {
    while suspects.len() < ahead
        && let Ok(more) = timeout(GATHERED_AFTER, inbox.next(ahead - suspects.len(), usize::MAX)).await
    {
        suspects.extend(more);
    }
}

/// Forwards and backwards in turn: whichever of them ends the worker, the others have come before it after two attempts.
fn alternating(mut suspects: Vec<Delivery>) -> Vec<Delivery> {
    let odd = suspects.first().is_some_and(|first| first.returned % 2 == 1);
    if odd {
        suspects.reverse();
    }
    suspects
}

#[cfg(test)]
mod tests {
    use citytrack_broker::topology::IMAGES;
    use citytrack_messages::images::UPLOAD;

    use super::*;

    fn delivery(tag: u64, returned: u64) -> Delivery {
        Delivery {
            payload: Vec::new(),
            exchange: IMAGES.exchange.to_owned(),
            route: "images.uploaded.demo".to_owned(),
            kind: Some(UPLOAD.to_owned()),
            id: None,
            stamp: None,
            redelivered: returned > 0,
            returned,
            headers: std::collections::BTreeMap::new(),
            tag,
        }
    }

    #[test]
    fn whichever_ends_the_worker_the_others_have_come_before_it_after_two_attempts() {
        for deadly in 0..8 {
            let mut left: Vec<u64> = (0..8).collect();
            for returned in 1..=2 {
                let suspects = left.iter().map(|tag| delivery(*tag, returned)).collect();
                let tags = alternating(suspects).into_iter().map(|delivery| delivery.tag);
                let settled: Vec<_> = tags.take_while(|tag| *tag != deadly).collect();
                left.retain(|tag| !settled.contains(tag));
            }
            assert_eq!(left, [deadly]);
        }
    }
}
