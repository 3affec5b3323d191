//! The loss ledger: what is stored, refused and missing, whoever enters it and in whatever order.

use citytrack_domain::{Batch, BatchId, NodeIdentity, StreamPosition};
use citytrack_storage::{
    Database,
    batches::BatchWriter,
    ledger::{self, Figures, Gap, NodeLedger, Reason, Refusal, StreamLedger},
};
use citytrack_testkit::{TestDatabase, batch, demo_node, frame, identity};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// A batch with a number of a stream, received `minutes` after noon.
pub(crate) fn numbered(source: &NodeIdentity, stream: Uuid, seq: i64, minutes: i64) -> Batch {
    let at = noon() + SignedDuration::from_mins(minutes);
    Batch {
        position: Some(StreamPosition { stream, seq }),
        ..batch(source, at, vec![frame("door", at, vec![])])
    }
}

pub(crate) fn refusal(source: &NodeIdentity, stream: Uuid, seq: Option<i64>) -> Refusal {
    let position = seq.map(|seq| StreamPosition { stream, seq });
    Refusal::new(source.id, position, Reason::Invalid, "it was bad\0", noon())
}

pub(crate) async fn of_node(db: &Database, source: &NodeIdentity) -> NodeLedger {
    ledger::of_node(db, source.id, 10, 3).await.unwrap()
}

/// The ledger of the only stream of a node.
async fn only_stream(db: &Database, source: &NodeIdentity) -> StreamLedger {
    let [stream] = &of_node(db, source).await.streams[..] else {
        panic!("not one stream")
    };
    stream.clone()
}

fn gaps(stream: &StreamLedger) -> Vec<(i64, i64)> {
    stream.gaps.iter().map(|Gap { from, to }| (*from, *to)).collect()
}

#[tokio::test]
async fn what_never_came_is_missing_until_it_comes() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let mut writer = BatchWriter::new(db.clone());
    assert_eq!(of_node(db, &source).await.totals, Figures::default());
    let some: Vec<Batch> = [9, 2, 3, 12].map(|seq| numbered(&source, stream, seq, seq)).into();
    writer.insert(&some).await.unwrap();
    let told = only_stream(db, &source).await;
    assert_eq!((told.stream, told.highest, told.figures.stored), (stream, 12, 4));
    assert_eq!((told.figures.missing, gaps(&told)), (9, vec![(0, 1), (4, 8), (10, 11)]));
    let minute = |minutes| noon() + SignedDuration::from_mins(minutes);
    assert_eq!((told.first_received_at, told.last_received_at), (minute(2), minute(12)));
    // The rest, out of order and in two transactions.
    for part in [[11, 0, 7, 5], [10, 1, 8, 6]] {
        let part: Vec<Batch> = part.map(|seq| numbered(&source, stream, seq, 20)).into();
        writer.insert(&part).await.unwrap();
    }
    let told = only_stream(db, &source).await;
    assert_eq!(
        (told.figures.stored, told.figures.missing, gaps(&told)),
        (12, 1, vec![(4, 4)])
    );
}

#[tokio::test]
async fn repetitions_count_as_duplicates_and_make_nothing_missing() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let mut writer = BatchWriter::new(db.clone());
    let first = numbered(&source, stream, 0, 0);
    writer.insert(&[first.clone(), first.clone()]).await.unwrap();
    // Under another number: it is in the database all the same.
    let renumbered = Batch {
        position: Some(StreamPosition { stream, seq: 1 }),
        ..first.clone()
    };
    writer.insert(&[renumbered]).await.unwrap();
    let told = only_stream(db, &source).await;
    assert_eq!((told.highest, told.figures.stored, told.figures.duplicate), (1, 1, 2));
    assert_eq!((told.figures.missing, told.figures.reused), (0, 0));
    assert_eq!(told.figures.received(), 3);
}

#[tokio::test]
async fn a_number_that_two_batches_have_harms_neither_and_is_told() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let batches = [0, 1, 1, 1].map(|seq| numbered(&source, stream, seq, 0));
    let stored = BatchWriter::new(db.clone()).insert(&batches).await.unwrap();
    assert_eq!((stored.batches, stored.frames), (4, 4));
    let told = only_stream(db, &source).await;
    assert_eq!(
        (told.figures.stored, told.figures.reused, told.figures.missing),
        (4, 2, 0)
    );
}

#[tokio::test]
async fn a_batch_that_its_node_kept_back_is_late() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let made = |seq, seconds_ago| Batch {
        id: BatchId::generate(noon() - SignedDuration::from_secs(seconds_ago)),
        ..numbered(&source, stream, seq, 0)
    };
    let batches = [made(0, 3_600), made(1, 60), made(2, 61), made(3, 0)];
    let mut writer = BatchWriter::new(db.clone());
    writer.insert(&batches).await.unwrap();
    writer.insert(&batches).await.unwrap();
    let told = only_stream(db, &source).await;
    assert_eq!(
        (told.figures.stored, told.figures.late, told.figures.duplicate),
        (4, 2, 4)
    );
}

#[tokio::test]
async fn a_stored_number_is_not_refused_whichever_came_first() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let mut writer = BatchWriter::new(db.clone());
    writer.insert(&[numbered(&source, stream, 0, 0)]).await.unwrap();
    // 5 twice, as a node does that does not take no for an answer.
    let refused = [0, 2, 5, 5].map(|seq| refusal(&source, stream, Some(seq)));
    ledger::refuse(db, &refused).await.unwrap();
    let told = only_stream(db, &source).await;
    assert_eq!((told.figures.refused, told.figures.missing, told.highest), (2, 3, 5));
    assert_eq!(gaps(&told), [(1, 1), (3, 4)]);
    // A dead letter is replayed.
    writer.insert(&[numbered(&source, stream, 2, 0)]).await.unwrap();
    let told = only_stream(db, &source).await;
    assert_eq!(
        (told.figures.stored, told.figures.refused, told.figures.missing),
        (2, 1, 3)
    );
}

#[tokio::test]
async fn refusals_are_told_by_reason_also_those_without_a_number() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let later = noon() + SignedDuration::from_secs(1);
    let unreadable = Refusal::new(source.id, None, Reason::Unreadable, &"é".repeat(600), later);
    let unknown = refusal(&identity("demo", Uuid::now_v7()), stream, Some(0));
    for _ in 0..2 {
        let refusals = [
            unknown.clone(),
            refusal(&source, stream, Some(0)),
            unreadable.clone(),
            unreadable.clone(),
        ];
        ledger::refuse(db, &refusals).await.unwrap();
    }
    let told = of_node(db, &source).await;
    let refusals: Vec<_> = told
        .refusals
        .iter()
        .map(|one| (one.reason.as_str(), one.batches))
        .collect();
    assert_eq!(refusals, [("invalid", 2), ("unreadable", 4)]);
    assert_eq!(told.refusals[0].last_detail, "it was bad");
    assert_eq!(told.refusals[1].last_detail.chars().count(), 200);
    assert_eq!(
        (told.totals.refused, told.totals.received()),
        (5, 5),
        "number 0, and four without one"
    );
    assert_eq!(told.last_received_at, Some(later));
}

#[tokio::test]
async fn batches_without_a_position_leave_no_trace_in_the_ledger() {
    let test = TestDatabase::create().await;
    let (db, source) = (&test.database, demo_node(&test.database).await);
    let plain = batch(&source, noon(), vec![frame("door", noon(), vec![])]);
    let numbered = numbered(&source, Uuid::now_v7(), 0, 0);
    BatchWriter::new(db.clone())
        .insert(std::slice::from_ref(&plain))
        .await
        .unwrap();
    assert_eq!(of_node(db, &source).await.streams_total, 0);
    BatchWriter::new(db.clone()).insert(&[plain, numbered]).await.unwrap();
    let told = only_stream(db, &source).await;
    assert_eq!((told.figures.stored, told.figures.duplicate), (1, 0));
}

#[tokio::test]
async fn two_writers_of_the_same_streams_lose_no_number_and_never_wait_in_a_circle() {
    let test = TestDatabase::create().await;
    let (db, source) = (&test.database, demo_node(&test.database).await);
    let streams: Vec<Uuid> = (0..8).map(|_| Uuid::now_v7()).collect();
    let all = |seq| streams.iter().map(move |stream| (*stream, seq));
    let of = |parity| -> Vec<Vec<Batch>> {
        let rounds = (0..30_i64).map(|round| all(2 * round + parity));
        let numbered = |(stream, seq)| numbered(&source, stream, seq, 0);
        rounds.map(|round| round.map(numbered).collect()).collect()
    };
    let write = async |rounds: Vec<Vec<Batch>>, reversed: bool| {
        let mut writer = BatchWriter::new(db.clone());
        for mut round in rounds {
            if reversed {
                round.reverse();
            }
            writer.insert(&round).await.unwrap();
        }
    };
    let refuse = async {
        for seq in 0..30 {
            let refused: Vec<Refusal> = all(seq)
                .rev()
                .map(|(stream, seq)| refusal(&source, stream, Some(seq)))
                .collect();
            ledger::refuse(db, &refused).await.unwrap();
        }
    };
    tokio::join!(write(of(0), false), write(of(1), true), refuse);
    let told = of_node(db, &source).await;
    let expected = Figures {
        stored: 8 * 60,
        ..Figures::default()
    };
    assert_eq!(told.totals, expected);
}

#[tokio::test]
async fn a_stream_of_nothing_but_gaps_stays_small_and_adds_up() {
    let test = TestDatabase::create().await;
    let (db, source, stream) = (&test.database, demo_node(&test.database).await, Uuid::now_v7());
    let mut writer = BatchWriter::new(db.clone());
    // Of each ten numbers one is stored and one refused.
    for round in 0..30 {
        let tens = || (round * 50..(round + 1) * 50).map(|ten| ten * 10);
        let stored: Vec<Batch> = tens().map(|seq| numbered(&source, stream, seq, 0)).collect();
        let refused: Vec<Refusal> = tens().map(|seq| refusal(&source, stream, Some(seq + 5))).collect();
        writer.insert(&stored).await.unwrap();
        ledger::refuse(db, &refused).await.unwrap();
    }
    let told = only_stream(db, &source).await;
    let expected = Figures {
        stored: 1_500,
        refused: 1_500,
        missing: 14_996 - 3_000,
        ..Figures::default()
    };
    assert_eq!((told.highest, told.figures), (14_995, expected));
    assert_eq!(
        told.settled_below, 13_500,
        "the newest 100 ranges and what came since are kept"
    );
    assert_eq!(gaps(&told), [(13_501, 13_504), (13_506, 13_509), (13_511, 13_514)]);
    // What comes below the line is stored, but no longer found missing or not.
    writer.insert(&[numbered(&source, stream, 1, 0)]).await.unwrap();
    let told = only_stream(db, &source).await;
    assert_eq!((told.figures.stored, told.figures.missing), (1_501, expected.missing));
}

#[tokio::test]
async fn any_number_may_be_claimed() {
    let test = TestDatabase::create().await;
    let (db, source) = (&test.database, demo_node(&test.database).await);
    let mut writer = BatchWriter::new(db.clone());
    let batches: Vec<Batch> = (0..12)
        .map(|minutes| numbered(&source, Uuid::now_v7(), StreamPosition::LARGEST_SEQ, minutes))
        .collect();
    writer.insert(&batches).await.unwrap();
    let told = of_node(db, &source).await;
    assert_eq!((told.streams_total, told.streams.len()), (12, 10));
    assert_eq!(told.totals.missing, 12 * StreamPosition::LARGEST_SEQ);
    let newest: Vec<Uuid> = batches[2..]
        .iter()
        .rev()
        .map(|batch| batch.position.unwrap().stream)
        .collect();
    assert_eq!(told.streams.iter().map(|one| one.stream).collect::<Vec<_>>(), newest);
}
