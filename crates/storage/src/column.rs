//! Reading rows.

use std::{fmt::Display, str::FromStr};

use tokio_postgres::Row;

use crate::Error;

/// A column whose text must be a valid `T`, as it was when it was stored.
pub(crate) fn parsed<T: FromStr<Err: Display>>(row: &Row, column: &str) -> Result<T, Error> {
    let text: &str = row.try_get(column)?;
    text.parse()
        .map_err(|error| Error::Corrupt(format!("{column} {text:?} {error}")))
}
