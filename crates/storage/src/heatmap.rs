//! Where on the image of a camera objects stood.

use std::pin::pin;

use citytrack_domain::{CameraName, Class, Heatmap, Slug};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use crate::{Client, Database, Error, Selection, selection};

/// What is folded already and what is not yet; one statement, so that nothing is in both or in neither.
const GRIDS: &str = "
    select cells from heat_hour
    where camera_id = $1 and ($2::int[] is null or class_id = any($2)) and hour >= $3 and hour < $4
    union all
    select heat from rollup_delta
    where camera_id = $1 and ($2::int[] is null or class_id = any($2)) and minute >= $3 and minute < $4
      and heat is not null";

/// A camera whose heatmap can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    id: i32,
    /// Its node.
    pub node: Slug,
    /// Its name within the node.
    pub camera: CameraName,
}

/// The cameras that are meant, by node and name, also those of retired nodes.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn places(database: &Database, wanted: &Selection) -> Result<Vec<Place>, Error> {
    database
        .in_time(async {
            let client = database.client().await?;
            let cameras = selection::cameras(&client, std::slice::from_ref(wanted), true).await?;
            let places = cameras.into_iter().map(|camera| Place {
                id: camera.id,
                node: camera.node,
                camera: camera.name,
            });
            Ok(places.collect())
        })
        .await
}

/// Where objects of these classes (none: of all) stood on the image of a camera, from and to a full UTC hour. A class that
/// does not exist was never seen.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn query(
    database: &Database,
    place: &Place,
    classes: &[Class],
    from: Timestamp,
    to: Timestamp,
) -> Result<Heatmap, Error> {
    database
        .in_time(async {
            let client = database.client().await?;
            let classes = numbers(&client, classes).await?;
            let statement = client.prepare_cached(GRIDS).await?;
            let parameters: [&(dyn ToSql + Sync); 4] = [&place.id, &classes, &from, &to];
            // Row by row: a year of a camera is megabytes.
            let mut rows = pin!(client.query_raw(&statement, parameters).await?);
            let mut heatmap = Heatmap::default();
            while let Some(row) = rows.try_next().await? {
                let grid = Heatmap::decode(row.try_get(0)?);
                heatmap.merge(&grid.ok_or_else(|| Error::Corrupt("a heatmap cannot be read".to_owned()))?);
            }
            Ok(heatmap)
        })
        .await
}

/// The numbers of classes; `None`: all.
async fn numbers(client: &Client, classes: &[Class]) -> Result<Option<Vec<i32>>, Error> {
    if classes.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = classes.iter().map(Class::as_str).collect();
    let rows = client
        .query("select id from class where name = any($1)", &[&names])
        .await?;
    let numbers: Result<Vec<i32>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(Some(numbers?))
}
