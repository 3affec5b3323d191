use jiff::tz::TimeZone;

use super::*;
use crate::imports::Step;

fn rules(ignore: &[&str]) -> Rules {
    Rules {
        zone: TimeZone::get("Pacific/Auckland").unwrap(),
        class: Class::new("person").unwrap(),
        step: Step::Hour,
        same_hour: SameHour::Refuse,
        ignore: ignore.iter().map(|&name| name.to_owned()).collect(),
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        most_problems: 100,
    }
}

/// The cells as `camera class start count line`, and the rest.
fn read(file: &str, rules: Rules) -> (Vec<String>, Read) {
    let mut cells = Vec::new();
    let lines = Lines::open(file.as_bytes(), rules).unwrap();
    let read = lines.read(|some| {
        cells.extend(some);
        true
    });
    let read = read.unwrap();
    let shown = |cell: &Cell| {
        let counted = &read.counted[usize::try_from(cell.counted).unwrap()];
        let (camera, class) = (&counted.camera, &counted.class);
        format!("{camera} {class} {} {} {}", cell.start, cell.detections, cell.line)
    };
    (cells.iter().map(shown).collect(), read)
}

fn problems(read: &Read) -> Vec<String> {
    let shown = |noted: &Noted| {
        let column = noted.column.as_deref().unwrap_or("-");
        format!("{} {column}: {} ({:?})", noted.line, noted.what, noted.action)
    };
    read.problems.kept.iter().map(shown).collect()
}

fn head_error(head: &str, ignore: &[&str]) -> String {
    let lines = Lines::open(format!("{head}\n").as_bytes(), rules(ignore)).map(|_| ());
    lines.unwrap_err().0
}

#[test]
fn a_wide_file_has_a_camera_in_every_further_column() {
    let file = "\u{feff}Date,hour,year,188 Quay Street Lower Albert (EW),hall\r\n\
                2019-01-01,6:00-6:59,2019,4.0,\r\n\
                2019-01-01,7:00-7:59,2019,0,\"17\"\r\n";
    let (cells, read) = read(file, rules(&["year"]));
    assert_eq!(
        cells,
        [
            "188-Quay-Street-Lower-Albert-EW person 2018-12-31T17:00:00Z 4 2",
            "188-Quay-Street-Lower-Albert-EW person 2018-12-31T18:00:00Z 0 3",
            "hall person 2018-12-31T18:00:00Z 17 3",
        ]
    );
    let titles: Vec<_> = read.counted.iter().map(|counted| counted.title.as_deref()).collect();
    assert_eq!(titles, [Some("188 Quay Street Lower Albert (EW)"), None]);
    assert_eq!((read.rows, read.refused, problems(&read).len()), (2, 0, 0));
}

#[test]
fn a_long_file_has_a_count_in_every_line() {
    let file = "time,camera,class,count\n\
                2026-01-01T10:00+13:00,hall,,1\n\
                2026-01-01T10:00,hall,car,2\n\
                2026-01-01T10:00,The door,person,3\n\
                2026-01-01T10:00,,person,4\n\
                2026-01-01T10:00,hall,person,\n";
    let (cells, read) = read(file, rules(&[]));
    let ten = "2025-12-31T21:00:00Z";
    assert_eq!(
        cells,
        [format!("hall car {ten} 2 3"), format!("The-door person {ten} 3 4")]
    );
    let allowed = "must be 1 to 64 characters";
    assert_eq!(
        problems(&read),
        [
            format!("2 class: the class \"\" {allowed} of a-z, 0-9, _, . and - (Refused)"),
            format!(
                "5 camera: no name for a camera can be made of \"\": it {allowed} of A-Z, a-z, 0-9, _, . and - (Refused)"
            ),
        ]
    );
    assert_eq!((read.rows, read.refused, read.refused_sum), (5, 2, 5));
}

#[test]
fn what_is_wrong_is_told_by_line_and_column() {
    let file = "date,hour,hall,door\n\
                2026-01-01,6,1,x\n\
                2026-01-01,7,1\n\
                2026-02-30,7,10,y\n\
                2024-09-29,2,100,100\n\
                2024-04-07,2,-5,6\n\
                2026-01-01,8,4.5,\n";
    let (cells, read) = read(file, rules(&[]));
    assert_eq!(
        cells,
        [
            "hall person 2025-12-31T17:00:00Z 1 2",
            "door person 2024-04-06T13:00:00Z 6 6"
        ]
    );
    assert_eq!(
        problems(&read),
        [
            "2 door: \"x\" is not a number (Refused)",
            "3 -: the line has 3 cells, and the first one 4 (Refused)",
            "4 hour: \"2026-02-30\" is not a date: write it like 2026-11-22 (Refused)",
            "5 hour: clocks were put forward past 2024-09-29T02:00:00; the next hour that there was is 2024-09-29T03:00:00 (Refused)",
            "6 hour: clocks were put back, so 2024-04-07T02:00:00 was there twice; the first is meant, at +13 (Accepted)",
            "6 hall: \"-5\" is negative (Refused)",
            "7 hall: \"4.5\" is not a whole number (Refused)",
        ]
    );
    assert_eq!((read.rows, read.refused, read.refused_sum), (6, 8, 211));
    let few = Rules {
        most_problems: 2,
        ..rules(&[])
    };
    let few = Lines::open(file.as_bytes(), few)
        .unwrap()
        .read(|_| true)
        .unwrap()
        .problems;
    assert_eq!((few.kept.len(), few.total), (2, 7));
    let add = Rules {
        same_hour: SameHour::Add,
        ..rules(&[])
    };
    let add = Lines::open(file.as_bytes(), add).unwrap().read(|_| true).unwrap();
    assert_eq!((add.refused, add.problems.kept[3].action), (6, Action::Accepted));
}

#[test]
fn the_head_decides_and_says_what_it_lacks() {
    for (head, ignore, error) in [
        ("a,b", &[][..], "there is no column that is called time, or date"),
        ("date,a", &[], "there is a column date, but none that is called hour"),
        (
            "time,hour,a",
            &[],
            "there is a column time and also date or hour; ignore one of them",
        ),
        ("time,a", &["year"], "there is no column \"year\" to ignore"),
        ("time,a", &["a"], "there is no column with counts"),
        ("time,a,", &[], "column 3 has no name"),
        (
            "time,A b,A (b)",
            &[],
            "the columns \"A b\" and \"A (b)\" are both the camera A-b",
        ),
        (
            "time,camera,count,x",
            &[],
            "the column \"x\" is not known; ignore it if it is to be left out",
        ),
        (
            "time,東京",
            &[],
            "no name for a camera can be made of \"東京\": it must be 1 to 64 characters of A-Z, a-z, 0-9, _, . and -",
        ),
        ("", &[], "there is no column that is called time, or date"),
    ] {
        assert_eq!(head_error(head, ignore), error, "{head}");
    }
    assert!(Lines::open(&b"time,a\xff\n"[..], rules(&[])).is_err());
    let days = Rules {
        step: Step::Day,
        ..rules(&[])
    };
    assert_eq!(
        read("date,hall\n2026-01-01,7\n", days).0,
        ["hall person 2025-12-31T11:00:00Z 7 2"]
    );
    assert!(read("date,hour,time,hall\n", rules(&["time"])).0.is_empty());
}

#[test]
fn a_line_may_not_be_endless() {
    let file = format!("time,hall\n2026-01-01T10:00,\"{}", "1".repeat(2 * LONGEST_LINE));
    let error = Lines::open(file.as_bytes(), rules(&[]))
        .unwrap()
        .read(|_| true)
        .unwrap_err();
    assert!(error.0.contains("a line is longer than 1048576 bytes"), "{}", error.0);
}

#[test]
fn reading_stops_when_nobody_wants_more() {
    let file: String = (0..30_000).map(|_| "2026-01-01T10:00,1\n").collect();
    let lines = Lines::open(file.as_bytes(), rules(&[])).map(|_| ());
    lines.unwrap_err();
    let file = format!("time,hall\n{file}");
    let read = Lines::open(file.as_bytes(), rules(&[]))
        .unwrap()
        .read(|_| false)
        .unwrap();
    assert_eq!(read.rows, CELLS_AT_ONCE as u64);
}

#[test]
fn columns_may_be_ignored() {
    let (cells, _) = read("a,time,b,c\nx,2026-01-01T10:00,y,1\n", rules(&["a", "b"]));
    assert_eq!(cells, ["c person 2025-12-31T21:00:00Z 1 2"]);
}
