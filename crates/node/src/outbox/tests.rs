//! What goes out when.

use tokio::time::timeout;
use uuid::Uuid;

use super::*;

fn outbox(capacity: usize) -> Outbox {
    let options = OutboxOptions {
        gzip_above: usize::MAX,
        live_for: Duration::from_secs(60),
    };
    Outbox::in_memory(capacity, options)
}

/// A batch that was made some time ago.
async fn push(outbox: &Outbox, age: Duration) -> Uuid {
    let made_at = Moment::now().utc.checked_sub(age).unwrap();
    let milliseconds = made_at.as_millisecond().try_into().unwrap();
    let mut batch = Batch::new(vec![]);
    let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &rand::random()).into_uuid();
    batch.batch_id = id;
    outbox.push(batch, 0, true).await.unwrap();
    id
}

async fn next(outbox: &Outbox, lane: Lane) -> Option<Parcel> {
    timeout(Duration::from_secs(1), outbox.next(lane)).await.ok()?.unwrap()
}

const OLD: Duration = Duration::from_secs(100);
const NEW: Duration = Duration::ZERO;

#[tokio::test(start_paused = true)]
async fn live_batches_do_not_stand_behind_the_backlog() {
    let outbox = outbox(9);
    let [a, b, c] = [
        push(&outbox, OLD).await,
        push(&outbox, OLD).await,
        push(&outbox, NEW).await,
    ];
    assert_eq!(next(&outbox, Lane::Live).await.unwrap().sealed.id, c);
    let first = next(&outbox, Lane::Backlog).await.unwrap();
    assert_eq!(first.sealed.id, a);
    outbox.settle(&first).unwrap();
    assert_eq!(next(&outbox, Lane::Backlog).await.unwrap().sealed.id, b);
    assert_eq!(outbox.len(), 2, "two are on their way");
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_is_next_and_keeps_its_bytes() {
    let outbox = outbox(9);
    push(&outbox, NEW).await;
    push(&outbox, NEW).await;
    let parcel = next(&outbox, Lane::Live).await.unwrap();
    outbox.give_back(parcel.clone());
    let again = next(&outbox, Lane::Live).await.unwrap();
    assert_eq!((again.sealed, again.left), (parcel.sealed, parcel.left));
}

#[tokio::test(start_paused = true)]
async fn what_has_become_old_on_its_way_has_its_old_place() {
    let outbox = outbox(9);
    for _ in 0..3 {
        push(&outbox, NEW).await;
    }
    let oldest = next(&outbox, Lane::Live).await.unwrap();
    let ids: Vec<Uuid> = {
        // A minute passes while it is on its way; the others are backlog by then.
        let mut inner = outbox.lock();
        let later = Moment::now().utc.checked_add(OLD).unwrap();
        inner.age(Duration::from_secs(60), later);
        drop(inner);
        outbox.give_back(oldest.clone());
        let mut inner = outbox.lock();
        inner.age(Duration::from_secs(60), later);
        let tickets: Vec<u64> = inner.backlog.iter().map(|waiting| waiting.ticket).collect();
        assert_eq!(tickets, [0, 1, 2]);
        std::iter::from_fn(|| inner.take(Lane::Backlog).unwrap())
            .map(|parcel| parcel.sealed.id)
            .collect()
    };
    assert_eq!((ids.len(), ids[0]), (3, oldest.sealed.id));
}

#[tokio::test(start_paused = true)]
async fn a_closed_outbox_ends_when_everything_is_settled() {
    let outbox = outbox(9);
    push(&outbox, NEW).await;
    let parcel = next(&outbox, Lane::Live).await.unwrap();
    outbox.close();
    let waits = timeout(Duration::from_secs(1), outbox.next(Lane::Backlog));
    assert!(waits.await.is_err(), "it may still come back");
    outbox.settle(&parcel).unwrap();
    assert!(next(&outbox, Lane::Backlog).await.is_none() && next(&outbox, Lane::Live).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_room_goes_on_when_a_batch_leaves() {
    let outbox = outbox(1);
    outbox.room().await;
    push(&outbox, NEW).await;
    assert!(timeout(Duration::from_secs(1), outbox.room()).await.is_err());
    // What is on its way needs no room.
    let (parcel, ()) = tokio::join!(next(&outbox, Lane::Live), outbox.room());
    push(&outbox, NEW).await;
    outbox.settle(&parcel.unwrap()).unwrap();
    assert!(timeout(Duration::from_secs(1), outbox.room()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_oldest_that_waits_makes_room_and_not_what_is_on_its_way() {
    let outbox = outbox(2);
    let [_, b] = [push(&outbox, NEW).await, push(&outbox, NEW).await];
    let first = next(&outbox, Lane::Live).await.unwrap();
    assert_eq!(outbox.drop_oldest().unwrap().batches, 1);
    assert!(next(&outbox, Lane::Live).await.is_none());
    assert_ne!(first.sealed.id, b);
    assert_eq!((outbox.drop_oldest(), outbox.len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_that_comes_back_in_parts_only_the_rest_is_sent() {
    let outbox = outbox(9);
    push(&outbox, NEW).await;
    let mut parcel = next(&outbox, Lane::Live).await.unwrap();
    let rest = Sealed {
        id: Uuid::now_v7(),
        ..parcel.sealed.clone()
    };
    parcel.left = vec![rest.clone()];
    outbox.give_back(parcel);
    assert_eq!(next(&outbox, Lane::Live).await.unwrap().left, [rest]);
    assert!(outbox.lock().parts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn tickets_of_dropped_batches_do_not_pile_up_while_nobody_takes_any() {
    let outbox = outbox(2);
    for age in [OLD, OLD, NEW, NEW, NEW] {
        push(&outbox, age).await;
        // As the lanes do.
        outbox.lock().age(Duration::from_secs(60), Moment::now().utc);
        if outbox.len() > 2 {
            outbox.drop_oldest().unwrap();
        }
    }
    let inner = outbox.lock();
    assert_eq!((inner.live.len(), inner.backlog.len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn numbers_count_up_in_one_stream() {
    let outbox = outbox(9);
    for _ in 0..3 {
        push(&outbox, NEW).await;
    }
    let mut positions = Vec::new();
    while let Some(parcel) = next(&outbox, Lane::Live).await {
        positions.push(parcel.sealed.open().unwrap().position.unwrap());
    }
    assert!(positions.iter().all(|position| position.stream == positions[0].stream));
    assert_eq!(
        positions.iter().map(|position| position.seq).collect::<Vec<_>>(),
        [0, 1, 2]
    );
}
