//! Counts from elsewhere, and what becomes of them.

use citytrack_domain::{Bucket, Slug, VenueTimeZone};
use citytrack_storage::{
    Database, Selection,
    audit::Actor,
    counts::{self, CountsQuery, Grouping},
    rollup, venues,
};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::console::{ADMINISTRATOR, Console, answer};

/// A console with the venue `auckland`.
async fn auckland() -> Console {
    let console = Console::start().await;
    let venue = json!({"slug": "auckland", "name": "Auckland", "time_zone": "Pacific/Auckland"});
    console.create("/api/v1/venues", venue).await;
    console
}

async fn import(console: &Console, query: &str, file: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let path = format!("/api/v1/venues/auckland/imports?{query}");
    let request = console.request(Method::POST, &path).bearer_auth(ADMINISTRATOR);
    answer(request.header("content-type", "text/csv; charset=utf-8").body(file)).await
}

/// What the venue's counts sum up to, in buckets of a zone; only what a bucket can hold is in it.
async fn total(db: &Database, bucket: Bucket, zone: &str) -> i64 {
    let zone = VenueTimeZone::new(zone).unwrap();
    let [from, to] = ["2018-12-31T00:00:00Z", "2026-01-02T00:00:00Z"].map(|time| time.parse::<Timestamp>().unwrap());
    let edges = bucket.edges(from, to, zone.zone(), 1_000_000).unwrap();
    let selections = [Selection {
        venue: Slug::new("auckland").unwrap(),
        cameras: Vec::new(),
    }];
    let mut totals = Vec::new();
    // By class is slower to look at; it must not make a difference.
    for class in if bucket == Bucket::Day {
        vec![false, true]
    } else {
        vec![false]
    } {
        let grouping = Grouping {
            class,
            ..Grouping::default()
        };
        let query = CountsQuery {
            selections: &selections,
            edges: &edges,
            classes: &[],
            grouping,
            min_confidence: None,
        };
        let series = counts::query(db, query).await.unwrap();
        let counts = series.iter().flat_map(|series| &series.counts);
        totals.push(counts.filter_map(counts::Count::seen).sum::<i64>());
    }
    assert!(totals.iter().all(|total| *total == totals[0]), "{totals:?} by {bucket}");
    totals[0]
}

async fn value(db: &Database, question: &str) -> i64 {
    let client = db.client().await.unwrap();
    client.query_one(question, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn seven_years_of_auckland_survive_every_level() {
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests themselves")]
    let folder = std::env::var_os("CITYTRACK_TEST_PEDESTRIANS")
        .expect("CITYTRACK_TEST_PEDESTRIANS is not set: `scripts/test` fetches the counts");
    let file = std::fs::read(std::path::Path::new(&folder).join("hourly_counts.csv")).unwrap();
    let (cells, sum) = (1_220_823, 355_229_685_i64);
    let console = auckland().await;
    let db = &console.test.database;
    // The first roll-ups of the venue are there when the counts come.
    rollup::fold(db).await.unwrap().unwrap();

    let (status, report) = import(&console, "node=centre&ignore=year&same_hour=add", file.clone()).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    let figures = |report: &Value, names: &[&str]| -> Vec<i64> {
        names.iter().map(|name| report[name].as_i64().unwrap()).collect()
    };
    assert_eq!(
        figures(
            &report,
            &["rows", "counts", "refused", "unchanged", "sum", "refused_sum"]
        ),
        [61_367, cells, 0, 0, sum, 0]
    );
    // 126 cells are in the six lines that repeat another one's hour; the others repeat what the skipped hour was moved to.
    let problems = report["problems"].as_array().unwrap();
    let with = |action: &str| {
        problems
            .iter()
            .filter(|problem| problem["action"] == action)
            .collect::<Vec<_>>()
    };
    assert_eq!(report["added"], with("added").len());
    assert_eq!(report["problems_total"], problems.len());
    let accepted: Vec<_> = with("accepted")
        .iter()
        .map(|problem| problem["line"].as_u64().unwrap())
        .collect();
    assert_eq!(
        accepted.len(),
        14,
        "each year has an hour that clocks skip and one that they repeat"
    );
    assert_eq!(accepted[..2], [2_326, 6_526]);
    let lines = |problems: &[&Value]| {
        problems
            .iter()
            .map(|problem| problem["line"].as_u64().unwrap())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let dirty = [50_353, 52_654, 52_679, 52_704, 52_705, 52_729];
    let added = lines(&with("added"));
    assert!(
        dirty.iter().all(|line| added.contains(line)) && added.len() == dirty.len() + 7,
        "{added:?}"
    );
    let first = problems.iter().find(|problem| problem["line"] == 50_353).unwrap();
    let told = "line 50330 has a count of 2024-09-28 06:00, too; this one, 5, is added to it";
    assert_eq!(
        (&first["column"], &first["what"]),
        (&json!("1 Courthouse Lane"), &json!(told))
    );

    let levels = [
        ("imported_count", "select sum(detections)::bigint from imported_count"),
        ("camera_day", "select sum(imported)::bigint from camera_day"),
        ("class_day", "select sum(imported)::bigint from class_day"),
        ("import", "select sum(sum)::bigint from import"),
    ];
    for (table, question) in levels {
        assert_eq!(value(db, question).await, sum, "{table}");
    }
    for bucket in [Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month] {
        assert_eq!(total(db, bucket, "Pacific/Auckland").await, sum, "{bucket}");
    }

    let (_, again) = import(&console, "node=centre&ignore=year&same_hour=add", file.clone()).await;
    assert_eq!(
        figures(&again, &["stored", "unchanged", "sum", "refused"]),
        [0, report["stored"].as_i64().unwrap(), sum, 0]
    );
    assert_eq!(value(db, "select count(*) from import").await, 1, "nothing has changed");

    // Roll-ups that are made anew hold the counts, too, also in another zone.
    for zone in ["Asia/Kathmandu", "Pacific/Auckland"] {
        let change = db.change(&Actor::command("test")).await.unwrap();
        let slug = Slug::new("auckland").unwrap();
        venues::update(&change, &slug, None, Some(&VenueTimeZone::new(zone).unwrap()))
            .await
            .unwrap();
        change.commit().await.unwrap();
        assert_eq!(rollup::fold(db).await.unwrap().unwrap().rebuilt, 1);
        assert_eq!(total(db, Bucket::Day, zone).await, sum, "{zone}");
    }

    let (_, refused) = import(&console, "node=strict&ignore=year", file).await;
    let [all, some, others, left_out, taken] =
        figures(&refused, &["counts", "stored", "refused", "refused_sum", "sum"])[..]
    else {
        panic!()
    };
    assert_eq!((all, some + others, taken + left_out), (cells, cells, sum));
    let told: Vec<&Value> = refused["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| problem["action"] == "refused")
        .collect();
    assert!(dirty.iter().all(|line| lines(&told).contains(line)) && lines(&told).len() == dirty.len() + 7);
}

#[tokio::test]
async fn an_hour_is_told_once() {
    let console = auckland().await;
    let db = &console.test.database;
    let file = "date,hour,The hall,door\n2026-01-01,6,1,2\n2026-01-01,7,,0\n2026-01-01,6,10,\n";
    let (status, report) = import(&console, "node=north&file=january.csv", file).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    let problem = json!({"line": 4, "column": "The hall", "action": "refused",
                         "what": "line 2 has a count of 2026-01-01 06:00 already; this one is 10"});
    let expected = json!({"node": "north", "rows": 3, "counts": 4, "stored": 3, "unchanged": 0, "added": 0, "refused": 1,
                          "sum": 3, "refused_sum": 10, "problems": [problem], "problems_total": 1});
    assert_eq!(report, expected);

    let file = "time,camera,class,count\n2026-01-01T06:00,The hall,person,1\n2026-01-01T06:00,door,person,3\n\
                2026-01-01T06:00,door,car,5\n2025-12-31T18:00Z,door,person,0\n";
    let (_, report) = import(&console, "node=north", file).await;
    let problem = json!({"line": 3, "column": "door", "action": "refused",
                         "what": "an earlier import says 2 for 2026-01-01 06:00, this file 3"});
    let expected = json!({"node": "north", "rows": 4, "counts": 4, "stored": 1, "unchanged": 2, "added": 0, "refused": 1,
                          "sum": 6, "refused_sum": 3, "problems": [problem], "problems_total": 1});
    assert_eq!(report, expected);

    let days = "date,door,gate\n2026-01-01,7,8\n2026-01-02,9,\n";
    let (_, report) = import(&console, "node=north&step=1d", days).await;
    let told = "an earlier import says 2 for 60 minutes from 2026-01-01 06:00 on, which overlaps with 2026-01-01 00:00; \
                this file says 7";
    assert_eq!(
        (&report["stored"], &report["problems"][0]["what"]),
        (&json!(2), &json!(told)),
        "{report}"
    );
    assert_eq!(
        total(db, Bucket::Hour, "Pacific/Auckland").await,
        8,
        "a day is nothing for hours"
    );
    assert_eq!(total(db, Bucket::Day, "Pacific/Auckland").await, 25);

    let client = db.client().await.unwrap();
    let rows = client
        .query("select coalesce(title, name) from camera order by id", &[])
        .await
        .unwrap();
    assert_eq!(
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>(),
        ["The hall", "door", "gate"]
    );
    let (_, audit) = console.get("/api/v1/audit?action=import").await;
    let entries = audit["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    let (first, actor) = (&entries[2], json!("administrator-token"));
    assert_eq!(
        (&first["action"], &first["subject"], &first["venue"]),
        (&json!("import.created"), &json!("auckland/north"), &json!("auckland"))
    );
    assert_eq!(
        (&first["actor"]["kind"], &first["after"]["file"], &first["after"]["sum"]),
        (&actor, &json!("january.csv"), &json!(3))
    );
}

#[tokio::test]
async fn what_cannot_be_read_changes_nothing() {
    let console = auckland().await;
    let good = "time,hall\n2026-01-01T06:00,1\n";
    for (query, file, kind, detail) in [
        (
            "node=north",
            "a,b\n1,2\n",
            "invalid-csv",
            "there is no column that is called time, or date",
        ),
        (
            "node=north&ignore=year",
            good,
            "invalid-csv",
            "there is no column \"year\" to ignore",
        ),
        (
            "node=North",
            good,
            "invalid-query",
            "node must be 1 to 40 characters of a-z, 0-9 and -",
        ),
        (
            "node=north&step=2h",
            good,
            "invalid-query",
            "step must be one of 15m, 30m, 1h and 1d",
        ),
        (
            "node=north&same_hour=sum",
            good,
            "invalid-query",
            "same_hour must be add or refuse",
        ),
        (
            "node=north&class=A",
            good,
            "invalid-query",
            "class must be 1 to 64 characters of a-z, 0-9, _, . and -",
        ),
        (
            "node=north&file=",
            good,
            "invalid-query",
            "file must be 1 to 200 characters, none of them a control character",
        ),
    ] {
        let (status, problem) = import(&console, query, file).await;
        assert_eq!(
            (status, &problem["type"], &problem["detail"]),
            (
                StatusCode::BAD_REQUEST,
                &json!(format!("/problems/{kind}")),
                &json!(detail)
            )
        );
    }
    for query in ["", "node=north&days=1"] {
        assert_eq!(
            import(&console, query, good).await.0,
            StatusCode::BAD_REQUEST,
            "{query}"
        );
    }
    let path = "/api/v1/venues/auckland/imports?node=north";
    let json = console
        .request(Method::POST, path)
        .bearer_auth(ADMINISTRATOR)
        .json(&json!({}));
    assert_eq!(answer(json).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let elsewhere = console
        .request(Method::POST, "/api/v1/venues/nowhere/imports?node=north")
        .bearer_auth(ADMINISTRATOR);
    assert_eq!(
        answer(elsewhere.header("content-type", "text/csv").body(good)).await.0,
        StatusCode::NOT_FOUND
    );
    let nobody = console
        .request(Method::POST, path)
        .header("content-type", "text/csv")
        .body(good);
    assert_eq!(answer(nobody).await.0, StatusCode::UNAUTHORIZED);
    let viewer = json!({"venues": ["auckland"], "ttl": "1h"});
    let token = console.create("/api/v1/viewer-tokens", viewer).await["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let viewer = console
        .request(Method::POST, path)
        .bearer_auth(token)
        .header("content-type", "text/csv")
        .body(good);
    assert_eq!(answer(viewer).await.0, StatusCode::FORBIDDEN);

    // Nothing but problems: not even the node is made.
    let (status, report) = import(&console, "node=north", "time,hall\nnever,1\n").await;
    assert_eq!(
        (status, &report["refused"], &report["stored"]),
        (StatusCode::OK, &json!(1), &json!(0))
    );
    assert_eq!(value(&console.test.database, "select count(*) from node").await, 0);
    let endless = format!("time,hall\n2026-01-01T06:00,\"{}", "1\n".repeat(1_000_000));
    let (status, problem) = import(&console, "node=north", endless).await;
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::BAD_REQUEST, &json!("/problems/invalid-csv"))
    );
    assert_eq!(
        value(&console.test.database, "select count(*) from imported_count").await,
        0
    );
    let (status, _) = console.admin(Method::DELETE, "/api/v1/venues/auckland", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(import(&console, "node=north", good).await.0, StatusCode::CONFLICT);
}
