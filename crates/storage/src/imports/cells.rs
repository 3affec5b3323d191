//! The cells of a file, on their way into temporary tables.

use std::pin::pin;

use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use tokio_postgres::{binary_copy::BinaryCopyInWriter, types::Type};

use crate::{Change, Error};

/// One count of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What it counts: the place in the list of the import.
    pub counted: i32,
    /// When the time that it is of begins.
    pub start: Timestamp,
    /// How long that time is.
    pub minutes: i32,
    /// The count.
    pub detections: i64,
    /// The line of the file that it stands in.
    pub line: i64,
}

/// Copies the cells to where [`store`](super::store) finds them, within the same change.
///
/// # Errors
/// When PostgreSQL is away or refuses.
pub async fn copy(change: &Change, cells: impl Stream<Item = Vec<Cell>>) -> Result<(), Error> {
    const COLUMNS: [Type; 5] = [Type::INT4, Type::TIMESTAMPTZ, Type::INT4, Type::INT8, Type::INT8];
    change
        .batch_execute(
            "set local work_mem = '64MB';
             create temporary table import_cell (
                 series integer not null, start timestamptz not null, minutes integer not null,
                 detections bigint not null, line bigint not null
             ) on commit drop;
             create temporary table import_series (
                 series integer not null, camera_id integer not null, class_id integer not null
             ) on commit drop",
        )
        .await?;
    let sink = change.copy_in("copy import_cell from stdin (format binary)").await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &COLUMNS));
    let mut cells = pin!(cells);
    while let Some(cells) = cells.next().await {
        for cell in &cells {
            writer
                .as_mut()
                .write(&[&cell.counted, &cell.start, &cell.minutes, &cell.detections, &cell.line])
                .await?;
        }
    }
    writer.finish().await?;
    change.batch_execute("analyze import_cell").await?;
    Ok(())
}
