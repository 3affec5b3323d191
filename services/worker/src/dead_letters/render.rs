//! Text for a terminal.

use std::fmt::Write as _;

use super::entry::Entry;

/// Entries in columns, under a head line.
pub(crate) fn table(entries: &[Entry]) -> String {
    let head = ["ID", "SINCE", "BATCHES", "BYTES", "ROUTE", "TYPE", "REASON"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(entries.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [id, since, batches, bytes, route, kind] = [0, 1, 2, 3, 4, 5].map(width);
    let mut text = String::new();
    for [a, b, c, d, e, f, g] in &rows {
        let _ = writeln!(
            text,
            "{a:id$}  {b:since$}  {c:>batches$}  {d:>bytes$}  {e:route$}  {f:kind$}  {g}"
        );
    }
    text
}

fn row(entry: &Entry) -> [String; 7] {
    const NOTHING: &str = "–";
    [
        entry.id.clone(),
        entry.since.map_or(NOTHING.to_owned(), |since| {
            since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        }),
        entry.batches.map_or(NOTHING.to_owned(), |batches| batches.to_string()),
        entry.bytes.to_string(),
        harmless(&entry.route),
        if entry.kind.is_empty() {
            NOTHING.to_owned()
        } else {
            harmless(&entry.kind)
        },
        harmless(&entry.reason),
    ]
}

/// On one line, and without anything that a terminal would obey: the text may come from anywhere.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect()
}

/// Bytes as `hexdump -C` shows them, sixteen on a line.
pub(crate) fn hex(bytes: &[u8]) -> Vec<String> {
    let line = |(number, part): (usize, &[u8])| {
        let digits: Vec<_> = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let signs: String = part
            .iter()
            .map(|byte| {
                if matches!(byte, 0x20..0x7f) {
                    char::from(*byte)
                } else {
                    '.'
                }
            })
            .collect();
        format!("{:08x}  {:47}  |{signs}|", number * 16, digits.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

/// `1 dead letter`, `2 dead letters`.
pub(crate) fn letters(count: usize) -> String {
    format!("{count} dead letter{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_columns() {
        let entries = [
            Entry {
                id: "0123456789ab".to_owned(),
                since: Some("2026-11-22T10:00:00.5Z".parse().unwrap()),
                route: "detections.demo".to_owned(),
                kind: "citytrack.detections.v1".to_owned(),
                bytes: 1_234,
                batches: Some(1),
                reason: "no\nnode \u{1b}[31m".to_owned(),
            },
            Entry {
                id: "ba9876543210".to_owned(),
                since: None,
                route: "detections.x".to_owned(),
                kind: String::new(),
                bytes: 5,
                batches: None,
                reason: "unknown".to_owned(),
            },
        ];
        let expected = "\
ID            SINCE                 BATCHES  BYTES  ROUTE            TYPE                     REASON
0123456789ab  2026-11-22T10:00:00Z        1   1234  detections.demo  citytrack.detections.v1  no node  [31m
ba9876543210  –                           –      5  detections.x     –                        unknown
";
        assert_eq!(table(&entries), expected);
    }

    #[test]
    fn bytes_are_shown_like_hexdump_does() {
        let lines = hex(b"not protobuf \xff\x00 and so on");
        assert_eq!(
            lines,
            [
                "00000000  6e 6f 74 20 70 72 6f 74 6f 62 75 66 20 ff 00 20  |not protobuf .. |",
                "00000010  61 6e 64 20 73 6f 20 6f 6e                       |and so on|",
            ]
        );
        assert!(hex(b"").is_empty());
    }

    #[test]
    fn one_and_many() {
        assert_eq!(letters(0), "0 dead letters");
        assert_eq!(letters(1), "1 dead letter");
    }
}
