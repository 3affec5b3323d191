//! Counts by bucket.

use citytrack_domain::{Bucket, Class, Slug, VenueTimeZone};
use citytrack_storage::{
    Database, Selection,
    counts::{self, Count, CountsQuery, Grouping},
    nodes, venues,
};
use citytrack_testkit::{TestDatabase, changed};
use jiff::Timestamp;
use uuid::Uuid;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A venue `demo` in `zone` with the nodes `north` and `south`, each with the cameras `door` and `hall`.
async fn demo(db: &Database, zone: &str) -> Slug {
    let venue = Slug::new("demo").unwrap();
    changed(db, async |change| {
        venues::create(change, &venue, "Demo", &VenueTimeZone::new(zone).unwrap()).await
    })
    .await
    .unwrap();
    for name in ["north", "south"] {
        let slug = Slug::new(name).unwrap();
        let node = changed(db, async |change| {
            nodes::create(change, Uuid::now_v7(), &venue, &slug, name).await
        })
        .await
        .unwrap();
        let statement = "insert into camera (node_id, name) values ($1, 'door'), ($1, 'hall')";
        db.client()
            .await
            .unwrap()
            .execute(statement, &[&node.id])
            .await
            .unwrap();
    }
    venue
}

/// `frames` frames in a minute, of a camera given as `node/camera`, with what was seen: class, detections, peak.
async fn minute(db: &Database, camera: &str, minute: &str, frames: i32, seen: &[(&str, i32, i32)]) {
    let client = db.client().await.unwrap();
    let camera: i32 = client
        .query_one(
            "select camera.id from camera join node on node.id = node_id where node.slug || '/' || camera.name = $1",
            &[&camera],
        )
        .await
        .unwrap()
        .get(0);
    let detections: i32 = seen.iter().map(|(_, detections, _)| detections).sum();
    let peak: i32 = seen.iter().map(|(_, _, peak)| peak).sum();
    client
        .execute(
            "insert into camera_minute values ($1, $2, $3, $4, $5)",
            &[&camera, &at(minute), &frames, &detections, &peak],
        )
        .await
        .unwrap();
    for (class, detections, peak) in seen {
        client
            .execute("insert into class (name) values ($1) on conflict do nothing", &[class])
            .await
            .unwrap();
        client
            .execute(
                "insert into class_minute select $1, id, $3, $4, $5, $6 from class where name = $2",
                &[&camera, class, &at(minute), &frames, detections, peak],
            )
            .await
            .unwrap();
    }
}

struct Asked<'a> {
    venue: &'a Slug,
    zone: &'a str,
    bucket: Bucket,
    from: &'a str,
    to: &'a str,
    cameras: &'a [&'a str],
    class: Option<&'a str>,
}

/// Frames, and what was seen in them: detections and peak.
type Counted = (i64, Option<(i64, i32)>);

/// The start of each bucket and what was counted in it.
async fn counted(db: &Database, asked: Asked<'_>) -> Vec<(String, Counted)> {
    let zone = VenueTimeZone::new(asked.zone).unwrap();
    let edges = asked
        .bucket
        .edges(at(asked.from), at(asked.to), zone.zone(), 1_000)
        .unwrap();
    let selection = Selection {
        venue: asked.venue.clone(),
        cameras: asked.cameras.iter().map(|camera| camera.parse().unwrap()).collect(),
    };
    let classes: Vec<Class> = asked.class.iter().map(|class| Class::new(class).unwrap()).collect();
    let query = CountsQuery {
        selections: &[selection],
        edges: &edges,
        classes: &classes,
        grouping: Grouping::default(),
        min_confidence: None,
    };
    let [series] = <[_; 1]>::try_from(counts::query(db, query).await.unwrap()).unwrap();
    let seen = |count: &Count| count.seen().map(|detections| (detections, count.peak));
    edges
        .iter()
        .zip(&series.counts)
        .map(|(start, count)| (start.to_string(), (count.frames, seen(count))))
        .collect()
}

/// The same, as a test writes it: start, frames, detections and peak.
type Row<'a> = (&'a str, i64, Option<(i64, i32)>);

fn expected(rows: &[Row<'_>]) -> Vec<(String, Counted)> {
    rows.iter()
        .map(|(start, frames, seen)| ((*start).to_owned(), (*frames, *seen)))
        .collect()
}

#[tokio::test]
async fn holes_are_holes_and_empty_frames_are_zero() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let venue = demo(db, "UTC").await;
    minute(db, "north/door", "2026-11-22T10:00:00Z", 1_500, &[("person", 359, 8)]).await;
    minute(db, "north/door", "2026-11-22T10:02:00Z", 20, &[]).await;
    minute(db, "north/door", "2026-11-22T10:04:00Z", 20, &[("person", 1, 1)]).await;

    let asked = |bucket, from, to| Asked {
        venue: &venue,
        zone: "UTC",
        bucket,
        from,
        to,
        cameras: &[],
        class: None,
    };
    let minutes = counted(
        db,
        asked(Bucket::Minute, "2026-11-22T09:59:30Z", "2026-11-22T10:03:00Z"),
    )
    .await;
    assert_eq!(
        minutes,
        expected(&[
            ("2026-11-22T09:59:00Z", 0, None),
            ("2026-11-22T10:00:00Z", 1_500, Some((359, 8))),
            ("2026-11-22T10:01:00Z", 0, None),
            ("2026-11-22T10:02:00Z", 20, Some((0, 0))),
        ])
    );
    let five = counted(
        db,
        asked(Bucket::FiveMinutes, "2026-11-22T10:00:00Z", "2026-11-22T10:10:00Z"),
    )
    .await;
    assert_eq!(
        five,
        expected(&[
            ("2026-11-22T10:00:00Z", 1_540, Some((360, 8))),
            ("2026-11-22T10:05:00Z", 0, None)
        ])
    );
}

#[tokio::test]
async fn cameras_and_classes_are_filtered() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let venue = demo(db, "UTC").await;
    let time = "2026-11-22T10:00:00Z";
    minute(db, "north/door", time, 10, &[("person", 30, 5), ("car", 2, 1)]).await;
    minute(db, "south/door", time, 20, &[("person", 40, 4)]).await;
    minute(db, "north/hall", time, 40, &[("car", 7, 3)]).await;
    minute(db, "south/hall", time, 80, &[]).await;

    let seen = async |cameras: &[&str], class| {
        let asked = Asked {
            venue: &venue,
            zone: "UTC",
            bucket: Bucket::Hour,
            from: time,
            to: "2026-11-22T10:00:01Z",
            cameras,
            class,
        };
        let counts = counted(db, asked).await;
        assert_eq!(counts.len(), 1);
        counts[0].1
    };
    assert_eq!(seen(&[], None).await, (150, Some((79, 6))));
    assert_eq!(seen(&["door"], None).await, (30, Some((72, 6))));
    assert_eq!(seen(&["south/door"], None).await, (20, Some((40, 4))));
    assert_eq!(seen(&["south/door", "hall"], None).await, (140, Some((47, 4))));
    assert_eq!(
        seen(&["door", "north/door"], None).await,
        (30, Some((72, 6))),
        "nothing counts twice"
    );
    assert_eq!(seen(&["window"], None).await, (0, None));
    assert_eq!(seen(&[], Some("person")).await, (150, Some((70, 5))));
    assert_eq!(
        seen(&["north/hall"], Some("person")).await,
        (40, Some((0, 0))),
        "frames came, nobody was seen"
    );
    assert_eq!(seen(&[], Some("bicycle")).await, (150, Some((0, 0))));
    assert_eq!(seen(&["window"], Some("person")).await, (0, None));
}

#[tokio::test]
async fn another_venue_is_not_counted() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    demo(db, "UTC").await;
    minute(db, "north/door", "2026-11-22T10:00:00Z", 10, &[("person", 30, 5)]).await;
    let other = Slug::new("other").unwrap();
    let from = "2026-11-22T10:00:00Z";
    let to = "2026-11-22T10:01:00Z";
    let asked = Asked {
        venue: &other,
        zone: "UTC",
        bucket: Bucket::Minute,
        from,
        to,
        cameras: &["door"],
        class: None,
    };
    assert_eq!(counted(db, asked).await, expected(&[(from, 0, None)]));
}

/// One frame with one person in every minute: a day of n hours holds n × 60 of them.
async fn every_minute(db: &Database, from: &str, hours: i32) {
    let client = db.client().await.unwrap();
    let statement = "insert into camera_minute
        select camera.id, $1::timestamptz + n * interval '1 minute', 1, 1, 1
        from generate_series(0, $2::int * 60 - 1) as n, camera join node on node.id = node_id
        where node.slug = 'north' and camera.name = 'door'";
    client.execute(statement, &[&at(from), &hours]).await.unwrap();
}

#[tokio::test]
async fn days_are_those_of_the_venue_across_clock_changes() {
    for (zone, from, days) in [
        (
            "Europe/Berlin",
            "2026-03-27T23:00:00Z",
            [
                ("2026-03-27T23:00:00Z", 24),
                ("2026-03-28T23:00:00Z", 23),
                ("2026-03-29T22:00:00Z", 24),
            ],
        ),
        (
            "Europe/Berlin",
            "2026-10-23T22:00:00Z",
            [
                ("2026-10-23T22:00:00Z", 24),
                ("2026-10-24T22:00:00Z", 25),
                ("2026-10-25T23:00:00Z", 24),
            ],
        ),
        (
            "Pacific/Auckland",
            "2026-04-03T11:00:00Z",
            [
                ("2026-04-03T11:00:00Z", 24),
                ("2026-04-04T11:00:00Z", 25),
                ("2026-04-05T12:00:00Z", 24),
            ],
        ),
        (
            "Pacific/Auckland",
            "2026-09-25T12:00:00Z",
            [
                ("2026-09-25T12:00:00Z", 24),
                ("2026-09-26T12:00:00Z", 23),
                ("2026-09-27T11:00:00Z", 24),
            ],
        ),
    ] {
        let test = TestDatabase::create().await;
        let db = &test.database;
        let venue = demo(db, zone).await;
        let hours: i64 = days.iter().map(|(_, hours)| hours).sum();
        every_minute(db, from, i32::try_from(hours).unwrap()).await;
        let to = (at(from) + jiff::SignedDuration::from_hours(hours)).to_string();
        let asked = |bucket| Asked {
            venue: &venue,
            zone,
            bucket,
            from,
            to: &to,
            cameras: &[],
            class: None,
        };

        let by_day = days.map(|(start, hours)| (start, hours * 60, Some((hours * 60, 1))));
        assert_eq!(counted(db, asked(Bucket::Day)).await, expected(&by_day), "{zone}");
        let by_hour = counted(db, asked(Bucket::Hour)).await;
        assert_eq!(by_hour.len(), usize::try_from(hours).unwrap(), "{zone}");
        assert!(by_hour.iter().all(|(_, (frames, _))| *frames == 60), "{zone}");
    }
}

#[tokio::test]
async fn who_counted_people_elsewhere_did_not_look_for_cars() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let venue = demo(db, "UTC").await;
    minute(db, "south/hall", "2026-11-22T12:00:00Z", 1, &[("car", 2, 2)]).await;
    let import = "insert into class (name) values ('person');
        insert into imported_count select camera.id, class.id, hour::timestamptz, 60, detections, 1
        from class, camera join node on node.id = node_id,
             (values ('2026-11-22T10:00Z', 5), ('2026-11-22T11:00Z', 0)) as counted (hour, detections)
        where class.name = 'person' and node.slug = 'north' and camera.name = 'door'";
    db.client().await.unwrap().batch_execute(import).await.unwrap();
    for (class, seen) in [
        (None, [Some(5), Some(0), Some(2)]),
        (Some("person"), [Some(5), Some(0), Some(0)]),
        (Some("car"), [None, None, Some(2)]),
    ] {
        let asked = Asked {
            venue: &venue,
            zone: "UTC",
            bucket: Bucket::Hour,
            from: "2026-11-22T10:00:00Z",
            to: "2026-11-22T13:00:00Z",
            cameras: &[],
            class,
        };
        let counts = counted(db, asked).await.into_iter();
        let counts: Vec<_> = counts
            .map(|(_, (_, seen))| seen.map(|(detections, _)| detections))
            .collect();
        assert_eq!(counts, seen, "{class:?}");
    }
}

#[tokio::test]
async fn an_answer_is_of_one_moment() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let venue = demo(db, "UTC").await;
    let time = "2026-11-22T10:00:00Z";
    minute(db, "north/door", time, 10, &[]).await;
    let mut writer = db.dedicated().await.unwrap();
    let change = writer.transaction().await.unwrap();
    change.batch_execute("lock table camera_minute").await.unwrap();
    let asked = Asked {
        venue: &venue,
        zone: "UTC",
        bucket: Bucket::Minute,
        from: time,
        to: "2026-11-22T10:01:00Z",
        cameras: &[],
        class: None,
    };
    let changed = async {
        // It has found out what to ask, and waits for the sums.
        let waiting = "select from pg_locks where relation = 'camera_minute'::regclass and not granted";
        let client = db.client().await.unwrap();
        citytrack_testkit::eventually("the question waits", async || {
            client.query_opt(waiting, &[]).await.unwrap()
        })
        .await;
        change.batch_execute("delete from camera_minute").await.unwrap();
        change.commit().await.unwrap();
    };
    let (counts, ()) = tokio::join!(counted(db, asked), changed);
    assert_eq!(counts, expected(&[(time, 10, Some((0, 0)))]));
}

#[tokio::test]
async fn what_is_too_much_is_not_even_asked() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let venue = demo(db, "UTC").await;
    let mut writer = db.dedicated().await.unwrap();
    let change = writer.transaction().await.unwrap();
    change.batch_execute("lock table camera_minute").await.unwrap();
    let [from, to] = ["2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z"].map(at);
    let edges = Bucket::Minute
        .edges(from, to, &jiff::tz::TimeZone::UTC, 2_000_000)
        .unwrap();
    let query = CountsQuery {
        selections: &[Selection {
            venue,
            cameras: Vec::new(),
        }],
        edges: &edges,
        classes: &[],
        grouping: Grouping::default(),
        min_confidence: None,
    };
    let refused = counts::query(db, query).await.unwrap_err();
    assert!(matches!(refused, citytrack_storage::Error::TooMuch(_)), "{refused}");
}
