//! The lines of a file.

use std::{
    collections::HashMap,
    io::{self, Read as Source},
    str,
    sync::Arc,
};

use citytrack_domain::{CameraName, Class};
use citytrack_storage::imports::{Cell, Counted, SameHour};
use csv::ByteRecord;

use super::{
    Action, Noted, Problems, Rules,
    count::{count, shown},
    header::{Camera, Head, Layout, TimeColumns},
    time::{Oddity, Said, Span, Times},
};

/// A line that is longer has a quote that is not closed.
const LONGEST_LINE: usize = 1024 * 1024;
/// More cameras and classes than anybody has.
const MOST_COUNTED: usize = 10_000;
const CELLS_AT_ONCE: usize = 8_192;

/// The file cannot be read any further; why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) counted: Vec<Counted>,
    pub(crate) problems: Problems,
    pub(crate) rows: u64,
    /// Cells with counts that cannot be taken, and what they sum up to as far as they are numbers.
    pub(crate) refused: u64,
    pub(crate) refused_sum: i64,
}

/// A file whose head has been read.
pub(crate) struct Lines<S> {
    reader: csv::Reader<Bounded<S>>,
    head: Head,
    /// Those with counts, and what each counts; `None`: the line says it.
    columns: Arc<[(usize, Option<i32>)]>,
    rules: Rules,
    times: Times,
    places: HashMap<(CameraName, Class), i32>,
    read: Read,
    cells: Vec<Cell>,
}

impl<S: Source> Lines<S> {
    /// Reads the head.
    ///
    /// # Errors
    /// When it has none of the two layouts.
    pub(crate) fn open(source: S, rules: Rules) -> Result<Self, Unreadable> {
        let source = Bounded {
            source,
            read: 0,
            ends_lines_with_crlf: None,
            last: 0,
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let columns = reader.byte_headers().map_err(|error| unreadable(&error))?;
        let columns: Result<Vec<_>, _> = columns.iter().map(str::from_utf8).collect();
        let columns = columns.map_err(|_| Unreadable("the first line is not UTF-8".to_owned()))?;
        let columns = columns.iter().map(|name| name.trim().to_owned()).collect();
        let head = Head::read(columns, &rules).map_err(Unreadable)?;
        let times = Times {
            zone: rules.zone.clone(),
            step: rules.step,
            now: rules.now,
        };
        let read = Read {
            counted: Vec::new(),
            problems: Problems::default(),
            rows: 0,
            refused: 0,
            refused_sum: 0,
        };
        let lines = Self {
            reader,
            head,
            columns: Arc::default(),
            rules,
            times,
            places: HashMap::new(),
            read,
            cells: Vec::new(),
        };
        lines.with_columns().map_err(Unreadable)
    }

    fn with_columns(mut self) -> Result<Self, String> {
        self.columns = match self.head.counts.clone() {
            Layout::Long { count, .. } => Arc::new([(count, None)]),
            Layout::Wide(cameras) => cameras
                .into_iter()
                .map(|(place, camera)| Ok((place, Some(self.counted(camera, self.rules.class.clone())?))))
                .collect::<Result<_, String>>()?,
        };
        Ok(self)
    }

    /// Reads all lines and hands the cells over, many at a time, until `take` wants no more.
    ///
    /// # Errors
    /// When the file breaks off, or is no CSV.
    pub(crate) fn read(mut self, mut take: impl FnMut(Vec<Cell>) -> bool) -> Result<Read, Unreadable> {
        let mut record = ByteRecord::new();
        loop {
            self.reader.get_mut().read = 0;
            if !self
                .reader
                .read_byte_record(&mut record)
                .map_err(|error| unreadable(&error))?
            {
                take(self.cells);
                return Ok(self.read);
            }
            self.read.rows += 1;
            self.line(&record);
            if self.cells.len() >= CELLS_AT_ONCE && !take(std::mem::take(&mut self.cells)) {
                return Ok(self.read);
            }
        }
    }

    fn line(&mut self, record: &ByteRecord) {
        if record.len() != self.head.columns.len() {
            let (has, should) = (record.len(), self.head.columns.len());
            return self.refuse_line(
                record,
                None,
                format!("the line has {has} cells, and the first one {should}"),
            );
        }
        let (column, said) = match said(&self.head.time, record) {
            Ok(said) => said,
            Err((column, what)) => return self.refuse_line(record, Some(column), what),
        };
        let span = match self.times.read(said) {
            Ok(span) => span,
            Err(what) => return self.refuse_line(record, Some(column), what),
        };
        match &span.oddity {
            Some(Oddity::Skipped(what)) if self.rules.same_hour == SameHour::Refuse => {
                return self.refuse_line(record, Some(column), what.clone());
            }
            Some(Oddity::Skipped(what) | Oddity::Twice(what)) => {
                self.note(self.line_of(record), Some(column), what.clone(), Action::Accepted);
            }
            None => {}
        }
        let columns = Arc::clone(&self.columns);
        for (place, counted) in columns.iter() {
            self.cell(record, *place, *counted, &span);
        }
    }

    fn cell(&mut self, record: &ByteRecord, place: usize, counted: Option<i32>, span: &Span) {
        let line = self.line_of(record);
        let detections = match text(record, place).and_then(count) {
            Ok(None) => return,
            Ok(Some(detections)) => detections,
            Err(what) => {
                self.read.refused += 1;
                return self.note(line, Some(place), what, Action::Refused);
            }
        };
        match counted.map_or_else(|| self.said_to_count(record), Ok) {
            Ok(counted) => self.cells.push(Cell {
                counted,
                start: span.start,
                minutes: span.minutes,
                detections,
                line: line.cast_signed(),
            }),
            Err((column, what)) => {
                self.read.refused += 1;
                self.read.refused_sum += detections;
                self.note(line, Some(column), what, Action::Refused);
            }
        }
    }

    /// What a line of the long layout says that it counts.
    fn said_to_count(&mut self, record: &ByteRecord) -> Result<i32, (usize, String)> {
        let Layout::Long { camera, class, .. } = self.head.counts else {
            return Err((0, "there is no camera here".to_owned()));
        };
        let said = text(record, camera).and_then(Camera::called);
        let said = said.map_err(|what| (camera, what))?;
        let Some(class) = class else {
            let usual = self.rules.class.clone();
            return self.counted(said, usual).map_err(|what| (camera, what));
        };
        let named = text(record, class).map(str::trim);
        let named =
            named.and_then(|text| Class::new(text).map_err(|error| format!("the class {} {error}", shown(text))));
        let named = named.map_err(|what| (class, what))?;
        self.counted(said, named).map_err(|what| (camera, what))
    }

    /// The place of a camera and class in the list of what is counted.
    fn counted(&mut self, camera: Camera, class: Class) -> Result<i32, String> {
        let key = (camera.name, class);
        if let Some(place) = self.places.get(&key) {
            return Ok(*place);
        }
        let next = self.read.counted.len();
        let place = i32::try_from(next).ok().filter(|_| next < MOST_COUNTED);
        let place = place.ok_or_else(|| format!("a file has at most {MOST_COUNTED} cameras and classes"))?;
        self.read.counted.push(Counted {
            camera: key.0.clone(),
            title: camera.title,
            class: key.1.clone(),
        });
        self.places.insert(key, place);
        Ok(place)
    }

    fn refuse_line(&mut self, record: &ByteRecord, column: Option<usize>, what: String) {
        for (place, _) in self.columns.iter() {
            match record.get(*place).map(|_| text(record, *place).and_then(count)) {
                Some(Ok(Some(detections))) => {
                    self.read.refused += 1;
                    self.read.refused_sum += detections;
                }
                Some(Err(_)) => self.read.refused += 1,
                Some(Ok(None)) | None => {}
            }
        }
        self.note(self.line_of(record), column, what, Action::Refused);
    }

    /// Where the record begins. csv has not yet counted the end of the line before where that is `\r\n`, as its `\n` is read
    /// only with the next record.
    fn line_of(&self, record: &ByteRecord) -> u64 {
        let counted = record.position().map_or(0, csv::Position::line);
        counted + u64::from(self.reader.get_ref().ends_lines_with_crlf == Some(true))
    }

    fn note(&mut self, line: u64, column: Option<usize>, what: String, action: Action) {
        let column = column.and_then(|place| self.head.columns.get(place)).cloned();
        let problem = || Noted {
            line,
            column,
            what,
            action,
        };
        self.read.problems.note(self.rules.most_problems, problem);
    }
}

/// The time of a line, and the column that tells it.
fn said<'a>(columns: &TimeColumns, record: &'a ByteRecord) -> Result<(usize, Said<'a>), (usize, String)> {
    let cell = |place: usize| text(record, place).map_err(|what| (place, what));
    Ok(match *columns {
        TimeColumns::Time(time) => (time, Said::Time(cell(time)?)),
        TimeColumns::Date(date) => (date, Said::Date(cell(date)?)),
        TimeColumns::DateAndHour(date, hour) => (hour, Said::DateAndHour(cell(date)?, cell(hour)?)),
    })
}

fn text(record: &ByteRecord, place: usize) -> Result<&str, String> {
    let bytes = record.get(place).unwrap_or_default();
    str::from_utf8(bytes).map_err(|_| "this is not UTF-8".to_owned())
}

fn unreadable(error: &csv::Error) -> Unreadable {
    Unreadable(error.to_string())
}

/// A source that ends where a line is too long.
struct Bounded<S> {
    source: S,
    /// Since the last line.
    read: usize,
    /// Known from the end of the first line on.
    ends_lines_with_crlf: Option<bool>,
    last: u8,
}

impl<S> Bounded<S> {
    fn note_line_end(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.ends_lines_with_crlf = Some(self.last == b'\r');
                return;
            }
            self.last = *byte;
        }
    }
}

impl<S: Source> Source for Bounded<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read > LONGEST_LINE {
            let message = format!("a line is longer than {LONGEST_LINE} bytes: is there a quote that is not closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let read = self.source.read(buffer)?;
        self.read += read;
        if self.ends_lines_with_crlf.is_none() {
            self.note_line_end(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
