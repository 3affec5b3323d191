//! Whatever has been folded, and whatever the level that answers: counts and tracks are those of the frames.

use std::collections::{BTreeMap, BTreeSet};

use citytrack_domain::{Bucket, Class, Detection, Frame, NodeIdentity, Slug, VenueTimeZone};
use citytrack_storage::{
    Database, Selection,
    audit::Actor,
    batches::BatchWriter,
    counts::{self, Count, CountsQuery, Grouping, Of},
    rollup, venues,
};
use citytrack_testkit::{self as builders, TestDatabase};
use jiff::{Timestamp, ToSpan};

const ZONES: [&str; 2] = ["Europe/Berlin", "Australia/Lord_Howe"];

/// Frames of two cameras through four days on which clocks change in Berlin and on Lord Howe, by a fixed pattern: some
/// minutes without any frame, frames without detections, classes that come together, tracks that go on and come back.
fn frames() -> Vec<Frame> {
    let start: Timestamp = "2026-10-02T21:03:00Z".parse().unwrap();
    let mut frames = Vec::new();
    for step in 0..4_000_i64 {
        // 23 days in all, so that both the first Sunday and the last one of October are among them.
        let at = start + (step * 499).seconds();
        let camera = if step % 3 == 0 { "door" } else { "hall" };
        let mut detections: Vec<Detection> = (0..step % 4).map(|n| detection("person", step, n)).collect();
        if step % 5 == 0 {
            detections.push(detection("car", step, 9));
        }
        frames.push(builders::frame(camera, at, detections));
    }
    frames
}

fn detection(class: &str, step: i64, n: i64) -> Detection {
    let mut detection = builders::person(0.1, (n != 3).then_some(step / 40 + n * 7));
    detection.class = Class::new(class).unwrap();
    detection
}

/// What the frames themselves say, bucket by bucket: frames, detections, peak and different tracks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Truth {
    count: Count,
    tracks: BTreeSet<(String, i64)>,
}

fn truth(frames: &[Frame], edges: &[Timestamp], grouping: Grouping, only: Option<&str>) -> BTreeMap<Of, Vec<Truth>> {
    let mut truth: BTreeMap<Of, Vec<Truth>> = BTreeMap::new();
    for pass in [true, false] {
        for frame in frames {
            let place = edges.partition_point(|edge| *edge <= frame.captured_at);
            if place == 0 || place == edges.len() {
                continue;
            }
            let camera = grouping
                .camera
                .then(|| (Slug::new("north").unwrap(), frame.camera.clone()));
            let venue = (grouping.camera || grouping.venue).then(|| Slug::new("demo").unwrap());
            for class in ["person", "car"] {
                let of = Of {
                    venue: venue.clone(),
                    camera: camera.clone(),
                    class: grouping.class.then(|| Class::new(class).unwrap()),
                };
                if only.is_some_and(|only| only != class) || (!grouping.class && only.is_none() && class == "car") {
                    continue;
                }
                let buckets = truth
                    .entry(of)
                    .or_insert_with(|| vec![Truth::default(); edges.len() - 1]);
                let seen: Vec<&Detection> = frame
                    .detections
                    .iter()
                    .filter(|seen| (!grouping.class && only.is_none()) || seen.class.as_str() == class)
                    .collect();
                let bucket = &mut buckets[place - 1];
                if pass {
                    bucket.count.frames += 1;
                } else {
                    bucket.count.detections += i64::try_from(seen.len()).unwrap();
                    bucket.count.peak = bucket.count.peak.max(i32::try_from(seen.len()).unwrap());
                    let tracks = seen.iter().filter_map(|seen| seen.track_id);
                    bucket
                        .tracks
                        .extend(tracks.map(|track| (frame.camera.to_string(), track)));
                }
            }
        }
    }
    truth
}

async fn store(db: &Database, node: &NodeIdentity, frames: &[Frame]) {
    let mut writer = BatchWriter::new(db.clone());
    for frames in frames.chunks(97) {
        let batch = builders::batch(node, citytrack_domain::Clock::System.now(), frames.to_vec());
        assert_eq!(writer.insert(&[batch]).await.unwrap().batches, 1);
    }
}

/// Compares everything that can be asked with the frames.
async fn check(db: &Database, frames: &[Frame], when: &str) {
    let selections = [Selection {
        venue: Slug::new("demo").unwrap(),
        cameras: Vec::new(),
    }];
    let (from, to) = ("2026-10-01T00:00:00Z", "2026-10-29T00:00:00Z");
    for (zone, bucket) in ZONES
        .into_iter()
        .flat_map(|zone| [Bucket::HalfHour, Bucket::Hour, Bucket::Day, Bucket::Month].map(|bucket| (zone, bucket)))
    {
        let rules = VenueTimeZone::new(zone).unwrap();
        let edges = bucket
            .edges(from.parse().unwrap(), to.parse().unwrap(), rules.zone(), 2_000)
            .unwrap();
        for (camera, class, only) in [
            (false, false, None),
            (true, false, None),
            (false, true, None),
            (true, true, None),
            (false, false, Some("car")),
            (true, false, Some("person")),
        ] {
            let grouping = Grouping {
                venue: camera,
                camera,
                class,
            };
            let classes: Vec<Class> = only.iter().map(|class| Class::new(class).unwrap()).collect();
            let query = CountsQuery {
                selections: &selections,
                edges: &edges,
                classes: &classes,
                grouping,
                min_confidence: None,
            };
            let about = format!("{when}, {zone} by {bucket}, {grouping:?}, {only:?}");
            let truth = truth(frames, &edges, grouping, only);
            let counted = counts::query(db, query).await.unwrap();
            assert_eq!(counted.len(), truth.len(), "{about}");
            for series in &counted {
                let counts: Vec<_> = truth[&series.of].iter().map(|bucket| bucket.count).collect();
                assert_eq!(series.counts, counts, "{about}, {:?}", series.of);
            }
            for series in counts::tracks(db, query).await.unwrap() {
                let truth = &truth[&series.of];
                let counts: Vec<_> = truth
                    .iter()
                    .map(|bucket| (bucket.count.frames > 0).then_some(bucket.tracks.len() as u64))
                    .collect();
                let total: BTreeSet<_> = truth.iter().flat_map(|bucket| &bucket.tracks).collect();
                if total.len() <= citytrack_domain::TrackSet::EXACT_UP_TO {
                    assert_eq!((&series.tracks, series.total), (&counts, total.len() as u64), "{about}");
                } else {
                    assert!(
                        !series.exact && series.total.abs_diff(total.len() as u64) < 30,
                        "{about}: {series:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn every_level_says_what_the_frames_say() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let node = builders::demo_node(db).await;
    let frames = frames();
    let (early, late) = frames.split_at(2_500);

    store(db, &node, early).await;
    check(db, early, "nothing is folded").await;
    let folded = rollup::fold(db).await.unwrap().unwrap();
    assert_eq!(
        (folded.rebuilt, folded.rows),
        (1, 0),
        "the first roll-ups are made of the minutes"
    );
    check(db, early, "made of the minutes").await;
    store(db, &node, late).await;
    check(db, &frames, "half is folded").await;
    let folded = rollup::fold(db).await.unwrap().unwrap();
    assert!(folded.rows > 1_000 && folded.rebuilt == 0, "{folded:?}");
    check(db, &frames, "all is folded").await;
    assert_eq!(rollup::fold(db).await.unwrap().unwrap(), rollup::Folded::default());

    // The minutes are not needed any more, but for buckets that are shorter.
    let client = db.client().await.unwrap();
    client
        .batch_execute("alter table class_minute rename to gone")
        .await
        .unwrap();
    let edges = ["2026-10-02T22:00:00Z", "2026-10-03T22:00:00Z"].map(|edge| edge.parse().unwrap());
    let of_class = async || {
        let selections = [Selection {
            venue: node.venue.clone(),
            cameras: Vec::new(),
        }];
        let query = CountsQuery {
            selections: &selections,
            edges: &edges,
            classes: &[Class::new("person").unwrap()],
            grouping: Grouping::default(),
            min_confidence: None,
        };
        counts::query(db, query).await
    };
    assert!(of_class().await.unwrap()[0].counts[0].detections > 100);
    client.batch_execute("truncate venue_rollup").await.unwrap();
    of_class().await.unwrap_err();
    client
        .batch_execute("alter table gone rename to class_minute")
        .await
        .unwrap();

    for zone in [ZONES[1], "Asia/Kathmandu", "America/Santiago"] {
        let zone = VenueTimeZone::new(zone).unwrap();
        let change = db.change(&Actor::command("test")).await.unwrap();
        venues::update(&change, &node.venue, None, Some(&zone)).await.unwrap();
        change.commit().await.unwrap();
        check(db, &frames, "the venue has moved").await;
        assert_eq!(rollup::fold(db).await.unwrap().unwrap().rebuilt, 1);
        check(db, &frames, "made anew").await;
    }
}

#[tokio::test]
async fn one_folds_and_the_others_leave_it_alone() {
    let test = TestDatabase::create().await;
    let holder = test.database.dedicated().await.unwrap();
    let lock = "select pg_advisory_lock(x'636974790004'::bigint)";
    holder.batch_execute(lock).await.unwrap();
    assert_eq!(rollup::fold(&test.database).await.unwrap(), None);
    drop(holder);
    citytrack_testkit::eventually("the lock is free", async || rollup::fold(&test.database).await.unwrap()).await;
}

#[tokio::test]
async fn a_long_past_is_made_anew() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let node = builders::demo_node(db).await;
    store(db, &node, &frames()[..10]).await;
    // A minute of each of 30,000 hours, with a track of its own: more than is read or written at once.
    let past =
        "insert into camera_minute select camera.id, timestamptz '2020-01-01T00:10Z' + n * interval '1 hour', 1, 1, 1
            from camera, generate_series(1, 30000) n where camera.name = 'door';
        insert into track_minute select camera.id, class.id, timestamptz '2020-01-01T00:10Z' + n * interval '1 hour',
            '\\x01'::bytea || int8send(n) from camera, class, generate_series(1, 30000) n
            where camera.name = 'door' and class.name = 'person'";
    let client = db.client().await.unwrap();
    client.batch_execute(past).await.unwrap();
    assert_eq!(rollup::fold(db).await.unwrap().unwrap().rebuilt, 1);
    let hours = "select count(*) from track_hour where start < '2024-01-01'";
    assert_eq!(client.query_one(hours, &[]).await.unwrap().get::<_, i64>(0), 30_000);
}
