//! Tables of any length, written row by row: CSV, NDJSON (a JSON object a line) and Parquet.

mod negotiate;
mod parquet;
mod text;

use std::io::{self, Write};

use jiff::Timestamp;

pub(crate) use self::negotiate::{Offer, negotiate};
use self::{
    parquet::ParquetWriter,
    text::{CsvWriter, NdjsonWriter},
};

/// A column: its name, what is in it, and whether cells may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    name: &'static str,
    kind: Kind,
    nullable: bool,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An instant; RFC 3339 in UTC as text, microseconds in Parquet.
    Timestamp,
    /// A text; short ones that repeat take little room in Parquet.
    Text,
    /// A number of 64 bits with sign.
    Integer,
    /// A number of 32 bits, written with as many digits as it takes to tell it from its neighbours.
    Single,
    /// A number of 64 bits, likewise.
    Double,
}

/// A value; it must be of its column's kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Nothing: empty in CSV, `null` in NDJSON.
    Null,
    Timestamp(Timestamp),
    Text(&'a str),
    Integer(i64),
    Single(f32),
    Double(f64),
}

impl Column {
    /// A column in which every cell has a value.
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            nullable: false,
        }
    }

    /// A column with empty cells.
    pub(crate) const fn nullable(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            nullable: true,
        }
    }

    /// Whether `cell` may stand here.
    const fn takes(&self, cell: &Cell<'_>) -> bool {
        match cell {
            Cell::Null => self.nullable,
            Cell::Timestamp(_) => matches!(self.kind, Kind::Timestamp),
            Cell::Text(_) => matches!(self.kind, Kind::Text),
            Cell::Integer(_) => matches!(self.kind, Kind::Integer),
            Cell::Single(_) => matches!(self.kind, Kind::Single),
            Cell::Double(_) => matches!(self.kind, Kind::Double),
        }
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Commas, a line of names first (RFC 4180, but lines end with `\n`).
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// Apache Parquet, compressed with zstd.
    Parquet,
}

impl Format {
    /// All of them, as [`negotiate`] takes them.
    pub(crate) const OFFERS: [Offer<Self>; 3] = [
        Offer::new("csv", "text/csv", Self::Csv),
        Offer::new("ndjson", "application/x-ndjson", Self::Ndjson),
        Offer::new("parquet", "application/vnd.apache.parquet", Self::Parquet),
    ];

    /// The value of `Content-Type`.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// How names of such files end.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// Writes a table. CSV and NDJSON go on as rows come; Parquet is kept for 32,768 rows, then written as a row group. A
/// Parquet file that was not [finished](Self::finish) has no footer and cannot be read: nobody takes it for a whole one.
pub(crate) struct TableWriter<W: Write + Send> {
    columns: Vec<Column>,
    writer: Writer<W>,
}

enum Writer<W: Write + Send> {
    Csv(Box<CsvWriter<W>>),
    Ndjson(NdjsonWriter<W>),
    Parquet(Box<ParquetWriter<W>>),
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table: the line of names of CSV, the first bytes of Parquet.
    pub(crate) fn new(format: Format, columns: &[Column], out: W) -> io::Result<Self> {
        let writer = match format {
            Format::Csv => Writer::Csv(Box::new(CsvWriter::new(columns, out)?)),
            Format::Ndjson => Writer::Ndjson(NdjsonWriter::new(out)),
            Format::Parquet => Writer::Parquet(Box::new(ParquetWriter::new(columns, out)?)),
        };
        Ok(Self {
            columns: columns.to_vec(),
            writer,
        })
    }

    /// Adds a row: a cell for each column, in their order. A row that does not fit the columns is refused.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let fits = cells.len() == self.columns.len()
            && std::iter::zip(&self.columns, cells).all(|(column, cell)| column.takes(cell));
        if !fits {
            let error = format!("the row {cells:?} does not fit the columns");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        match &mut self.writer {
            Writer::Csv(csv) => csv.row(cells),
            Writer::Ndjson(ndjson) => ndjson.row(&self.columns, cells),
            Writer::Parquet(parquet) => parquet.row(cells),
        }
    }

    /// Hands on what can be handed on; Parquet keeps the rows of a row group that is not full.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Writer::Csv(csv) => csv.flush(),
            Writer::Ndjson(ndjson) => ndjson.flush(),
            Writer::Parquet(parquet) => parquet.flush(),
        }
    }

    /// Ends the table.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        match self.writer {
            Writer::Csv(_) | Writer::Ndjson(_) => Ok(()),
            Writer::Parquet(parquet) => parquet.finish(),
        }
    }
}

#[cfg(test)]
mod tests;
