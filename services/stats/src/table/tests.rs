//! What is written can be read again.

use std::sync::{Arc, Mutex};

use ::parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};
use bytes::Bytes;

use super::*;

const COLUMNS: [Column; 5] = [
    Column::new("at", Kind::Timestamp),
    Column::nullable("place", Kind::Text),
    Column::nullable("number", Kind::Integer),
    Column::new("part", Kind::Single),
    Column::nullable("ratio", Kind::Double),
];

#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(format: Format, rows: &[[Cell<'_>; 5]]) -> Vec<u8> {
    let out = Out::default();
    let mut table = TableWriter::new(format, &COLUMNS, out.clone()).unwrap();
    for row in rows {
        table.row(row).unwrap();
    }
    table.finish().unwrap();
    out.0.lock().unwrap().split_off(0)
}

fn rows() -> [[Cell<'static>; 5]; 2] {
    let time = "2026-11-22T10:00:00.25Z".parse().unwrap();
    [
        [
            Cell::Timestamp(time),
            Cell::Text("north, \"old\" gate"),
            Cell::Integer(i64::MAX),
            Cell::Single(0.9),
            Cell::Double(0.1),
        ],
        [
            Cell::Timestamp(time),
            Cell::Null,
            Cell::Null,
            Cell::Single(1.0),
            Cell::Null,
        ],
    ]
}

#[test]
fn csv_has_a_line_of_names_and_empty_cells() {
    let expected = "at,place,number,part,ratio\n\
                    2026-11-22T10:00:00.25Z,\"north, \"\"old\"\" gate\",9223372036854775807,0.9,0.1\n\
                    2026-11-22T10:00:00.25Z,,,1,\n";
    assert_eq!(String::from_utf8(write(Format::Csv, &rows())).unwrap(), expected);
    let empty = String::from_utf8(write(Format::Csv, &[])).unwrap();
    assert_eq!(empty, "at,place,number,part,ratio\n");
}

#[test]
fn ndjson_has_an_object_a_line() {
    let expected = r#"{"at":"2026-11-22T10:00:00.25Z","place":"north, \"old\" gate","number":9223372036854775807,"part":0.9,"ratio":0.1}
{"at":"2026-11-22T10:00:00.25Z","place":null,"number":null,"part":1.0,"ratio":null}
"#;
    assert_eq!(String::from_utf8(write(Format::Ndjson, &rows())).unwrap(), expected);
    assert!(write(Format::Ndjson, &[]).is_empty());
}

#[test]
fn parquet_keeps_types_and_values() {
    let file = SerializedFileReader::new(Bytes::from(write(Format::Parquet, &rows()))).unwrap();
    let read: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let [first, second] = read.as_slice() else {
        panic!("{} rows", read.len());
    };
    assert_eq!(first.get_timestamp_micros(0).unwrap(), 1_795_341_600_250_000);
    assert_eq!(first.get_string(1).unwrap(), "north, \"old\" gate");
    assert_eq!(first.get_long(2).unwrap(), i64::MAX);
    assert_eq!((first.get_float(3).unwrap(), first.get_double(4).unwrap()), (0.9, 0.1));
    assert_eq!(second.get_float(3).unwrap(), 1.0);
    assert!(second.get_string(1).is_err() && second.get_long(2).is_err() && second.get_double(4).is_err());

    let empty = SerializedFileReader::new(Bytes::from(write(Format::Parquet, &[]))).unwrap();
    assert_eq!(empty.metadata().file_metadata().num_rows(), 0);
}

#[test]
fn parquet_is_written_by_row_groups() {
    let names: Vec<String> = (0..3_000).map(|number| format!("place {number}")).collect();
    let out = Out::default();
    let mut table = TableWriter::new(Format::Parquet, &COLUMNS, out.clone()).unwrap();
    for number in 0..150_000_usize {
        let mut row = rows()[0];
        row[1] = match number % 7 {
            0 => Cell::Null,
            _ => Cell::Text(&names[number % names.len()]),
        };
        row[2] = Cell::Integer(i64::try_from(number).unwrap());
        table.row(&row).unwrap();
    }
    table.flush().unwrap();
    assert!(out.0.lock().unwrap().len() > 10_000, "full row groups have left");
    table.finish().unwrap();
    let file = SerializedFileReader::new(Bytes::from(out.0.lock().unwrap().clone())).unwrap();
    let groups: Vec<i64> = file
        .metadata()
        .row_groups()
        .iter()
        .map(::parquet::file::metadata::RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(groups, [32_768, 32_768, 32_768, 32_768, 18_928]);
    for (number, row) in file.get_row_iter(None).unwrap().map(Result::unwrap).enumerate() {
        assert_eq!(row.get_long(2).unwrap(), i64::try_from(number).unwrap());
        let place = row.get_string(1).ok();
        assert_eq!(place, (number % 7 != 0).then(|| &names[number % names.len()]));
    }
}

#[test]
fn a_row_that_does_not_fit_is_refused() {
    for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
        let mut table = TableWriter::new(format, &COLUMNS, Out::default()).unwrap();
        assert!(table.row(&rows()[0][..4]).is_err(), "too short");
        let [mut row, _] = rows();
        row[0] = Cell::Null;
        assert!(table.row(&row).is_err(), "a value is missing");
        row[0] = Cell::Integer(1);
        assert!(table.row(&row).is_err(), "another kind");
    }
}
