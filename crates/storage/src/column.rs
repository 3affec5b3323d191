//! Reading rows.

use std::{fmt::Display, str::FromStr};

use tokio_postgres::Row;

use crate::Error;

/// A column whose text must be a valid `T`, as it was when it was stored.
pub(crate) fn parsed<T: FromStr<Err: Display>>(row: &Row, column: &str) -> Result<T, Error> {
    parsed_text(row.try_get(column)?, column)
}

/// A text of `column` that must be a valid `T`, as it was when it was stored.
pub(crate) fn parsed_text<T: FromStr<Err: Display>>(text: &str, column: &str) -> Result<T, Error> {
    text.parse()
        .map_err(|error| Error::Corrupt(format!("{column} {text:?} {error}")))
}
