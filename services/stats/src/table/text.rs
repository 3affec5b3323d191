//! CSV and NDJSON.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, Write},
};

use serde::{Serialize, Serializer};

use super::{Cell, Column};

/// CSV.
pub(super) struct CsvWriter<W: Write> {
    lines: csv::Writer<W>,
    /// The text of one number or time, kept to be used again.
    text: String,
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(columns: &[Column], out: W) -> io::Result<Self> {
        let mut lines = csv::Writer::from_writer(out);
        lines.write_record(columns.iter().map(|column| column.name))?;
        Ok(Self {
            lines,
            text: String::new(),
        })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for cell in cells {
            self.text.clear();
            let written = match cell {
                Cell::Null => Ok(()),
                Cell::Text(text) => {
                    self.lines.write_field(text)?;
                    continue;
                }
                Cell::Timestamp(time) => write!(self.text, "{time}"),
                Cell::Integer(number) => write!(self.text, "{number}"),
                Cell::Single(number) => write!(self.text, "{number}"),
                Cell::Double(number) => write!(self.text, "{number}"),
            };
            written.map_err(io::Error::other)?;
            self.lines.write_field(&self.text)?;
        }
        Ok(self.lines.write_record(None::<&[u8]>)?)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

/// NDJSON.
pub(super) struct NdjsonWriter<W: Write> {
    out: BufWriter<W>,
}

/// One line.
struct Object<'a> {
    columns: &'a [Column],
    cells: &'a [Cell<'a>],
}

impl<W: Write> NdjsonWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out: BufWriter::new(out),
        }
    }

    pub(super) fn row(&mut self, columns: &[Column], cells: &[Cell<'_>]) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, &Object { columns, cells })?;
        self.out.write_all(b"\n")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(std::iter::zip(self.columns, self.cells).map(|(column, cell)| (column.name, cell)))
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Null => serializer.serialize_none(),
            Cell::Timestamp(time) => time.serialize(serializer),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Integer(number) => serializer.serialize_i64(*number),
            Cell::Single(number) => serializer.serialize_f32(*number),
            Cell::Double(number) => serializer.serialize_f64(*number),
        }
    }
}
