//! Parquet: rows are gathered by column and written as a row group.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
};

use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::writer::ColumnWriterImpl,
    data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type},
    errors::{ParquetError, Result},
    file::{
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::{
        parser::parse_message_type,
        types::{ColumnPath, TypePtr},
    },
};

use super::{Cell, Column, Kind};

/// Enough for columns to compress well, and few enough to hold several tables in memory.
const ROW_GROUP: usize = 32_768;
/// Texts that are spelt out at a time.
const SPELT_OUT: usize = 1_024;

pub(super) struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    gathered: Vec<Gathered>,
    rows: usize,
}

/// The cells of a column since the last row group.
struct Gathered {
    values: Values,
    /// For each row 1, or 0 where it has no value; none for a column in which every cell has one.
    defined: Option<Vec<i16>>,
}

enum Values {
    /// Microseconds since 1970, and integers.
    Integers(Vec<i64>),
    Singles(Vec<f32>),
    Doubles(Vec<f64>),
    Texts(Texts),
}

/// Texts, of which each is kept once.
#[derive(Default)]
struct Texts {
    numbers: HashMap<String, usize>,
    spelt: Vec<ByteArray>,
    values: Vec<usize>,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(super) fn new(columns: &[Column], out: W) -> io::Result<Self> {
        let properties = Arc::new(properties(columns));
        let file = schema(columns).and_then(|schema| SerializedFileWriter::new(out, schema, properties));
        Ok(Self {
            file: file.map_err(io_error)?,
            gathered: columns.iter().map(Gathered::of).collect(),
            rows: 0,
        })
    }

    /// `cells` fit their columns.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for (column, cell) in std::iter::zip(&mut self.gathered, cells) {
            column.add(cell);
        }
        self.rows += 1;
        if self.rows == ROW_GROUP {
            self.row_group().map_err(io_error)?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// The last row group and the footer.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.row_group().map_err(io_error)?;
        }
        self.file.finish().map_err(io_error)?;
        self.file.flush()
    }

    fn row_group(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for column in &mut self.gathered {
            let writer = group.next_column()?;
            column.write(writer.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))?)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// Texts repeat, numbers and times hardly: for those a dictionary would only take memory. Whole numbers follow each other closely.
fn properties(columns: &[Column]) -> WriterProperties {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_enabled(false)
        .set_created_by(concat!("citytrack ", env!("CARGO_PKG_VERSION")).to_owned());
    let column = |properties: WriterPropertiesBuilder, column: &Column| {
        let path = ColumnPath::from(column.name);
        match column.kind {
            Kind::Text => properties.set_column_dictionary_enabled(path, true),
            Kind::Timestamp | Kind::Integer => properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Kind::Single | Kind::Double => properties.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
        }
    };
    columns.iter().fold(properties, column).build()
}

/// The schema in Parquet's own language.
fn schema(columns: &[Column]) -> Result<TypePtr> {
    let field = |column: &Column| {
        let repetition = if column.nullable { "OPTIONAL" } else { "REQUIRED" };
        let (kind, meaning) = match column.kind {
            Kind::Timestamp => ("INT64", " (TIMESTAMP(MICROS,true))"),
            Kind::Text => ("BYTE_ARRAY", " (STRING)"),
            Kind::Integer => ("INT64", ""),
            Kind::Single => ("FLOAT", ""),
            Kind::Double => ("DOUBLE", ""),
        };
        format!("{repetition} {kind} {}{meaning};", column.name)
    };
    let fields: Vec<_> = columns.iter().map(field).collect();
    let fields = fields.join(" ");
    parse_message_type(&format!("message citytrack {{ {fields} }}")).map(Arc::new)
}

fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => io::Error::other(error),
        error => io::Error::other(error),
    }
}

impl Gathered {
    fn of(column: &Column) -> Self {
        let values = match column.kind {
            Kind::Timestamp | Kind::Integer => Values::Integers(Vec::new()),
            Kind::Single => Values::Singles(Vec::new()),
            Kind::Double => Values::Doubles(Vec::new()),
            Kind::Text => Values::Texts(Texts::default()),
        };
        Self {
            values,
            defined: column.nullable.then(Vec::new),
        }
    }

    fn add(&mut self, cell: &Cell<'_>) {
        if let Some(defined) = &mut self.defined {
            defined.push(i16::from(*cell != Cell::Null));
        }
        match (&mut self.values, cell) {
            (Values::Integers(values), Cell::Integer(value)) => values.push(*value),
            (Values::Integers(values), Cell::Timestamp(time)) => values.push(time.as_microsecond()),
            (Values::Singles(values), Cell::Single(value)) => values.push(*value),
            (Values::Doubles(values), Cell::Double(value)) => values.push(*value),
            (Values::Texts(texts), Cell::Text(text)) => texts.add(text),
            // Null: only in `defined`. Nothing else gets here.
            _ => {}
        }
    }

    /// Writes the column and is empty again.
    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<()> {
        let defined = self.defined.as_deref();
        match &mut self.values {
            Values::Integers(values) => all(column.typed::<Int64Type>(), values, defined)?,
            Values::Singles(values) => all(column.typed::<FloatType>(), values, defined)?,
            Values::Doubles(values) => all(column.typed::<DoubleType>(), values, defined)?,
            Values::Texts(texts) => texts.write(column.typed::<ByteArrayType>(), defined)?,
        }
        if let Some(defined) = &mut self.defined {
            defined.clear();
        }
        column.close()
    }
}

/// Writes all values at once.
fn all<T: DataType>(
    column: &mut ColumnWriterImpl<'_, T>,
    values: &mut Vec<T::T>,
    defined: Option<&[i16]>,
) -> Result<()> {
    column.write_batch(values, defined, None)?;
    values.clear();
    Ok(())
}

impl Texts {
    fn add(&mut self, text: &str) {
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                let number = self.spelt.len();
                self.spelt.push(ByteArray::from(text));
                self.numbers.insert(text.to_owned(), number);
                number
            }
        };
        self.values.push(number);
    }

    /// Some rows at a time: spelt out, all of a row group would take megabytes.
    fn write(&mut self, column: &mut ColumnWriterImpl<'_, ByteArrayType>, defined: Option<&[i16]>) -> Result<()> {
        let mut values = self.values.iter().filter_map(|number| self.spelt.get(*number)).cloned();
        let mut some = |rows: usize, defined: Option<&[i16]>| -> Result<()> {
            let present = defined.map_or(rows, |defined| defined.iter().filter(|level| **level == 1).count());
            let spelt: Vec<ByteArray> = values.by_ref().take(present).collect();
            column.write_batch(&spelt, defined, None).map(drop)
        };
        match defined {
            Some(defined) => defined
                .chunks(SPELT_OUT)
                .try_for_each(|levels| some(levels.len(), Some(levels)))?,
            None => self
                .values
                .chunks(SPELT_OUT)
                .try_for_each(|rows| some(rows.len(), None))?,
        }
        *self = Self::default();
        Ok(())
    }
}
