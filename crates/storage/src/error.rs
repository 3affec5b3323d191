//! What can go wrong, by what the caller can do about it.

use std::time::Duration;

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// PostgreSQL was silent for too long, and would have been longer.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(crate) struct NoAnswer(pub(crate) Duration);

/// An error of the storage.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing that was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The change meets what is already there.
    #[error("{0}")]
    Conflict(String),
    /// The answer would need more than is read at once.
    #[error("{0}")]
    TooMuch(String),
    /// PostgreSQL is away, overloaded or changing; the same call may work later.
    #[error("the database is not available")]
    Transient(#[source] Source),
    /// PostgreSQL refused the statement, and will again.
    #[error("the database refused a statement")]
    Database(#[source] tokio_postgres::Error),
    /// The address of the database cannot be read.
    #[error("the address of the database cannot be read")]
    Address(#[source] tokio_postgres::Error),
    /// A migration failed.
    #[error("the schema cannot be brought up to date")]
    Migration(#[source] Box<refinery::Error>),
    /// A row holds what should never have been stored.
    #[error("the database holds an unusable value: {0}")]
    Corrupt(String),
    /// The object store is away or refuses; the same call may work later, or when an operator has put it right.
    #[error("the object store does not do its work")]
    Objects(#[from] object_store::Error),
    /// A setting does not fit; the text names it.
    #[error("{0}")]
    Setting(String),
}

impl Error {
    pub(crate) fn transient(source: impl Into<Source>) -> Self {
        Self::Transient(source.into())
    }

    /// Whether the same call may work later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }

    /// The SQLSTATE that PostgreSQL ended a statement with, if it did.
    pub fn sql_state(&self) -> Option<&str> {
        let error = match self {
            Self::Database(error) => error,
            Self::Transient(source) => source.downcast_ref()?,
            _ => return None,
        };
        error.code().map(SqlState::code)
    }

    /// Whether PostgreSQL refused the values themselves (SQLSTATE classes 22 and 23): they will never be stored as they
    /// are. Everything else may be put right by an operator, even where it is not [transient](Self::is_transient).
    pub fn refuses_data(&self) -> bool {
        !self.is_transient()
            && self
                .sql_state()
                .is_some_and(|state| state.starts_with("22") || state.starts_with("23"))
    }

    /// Whether a statement, or all of a call, took longer than allowed.
    pub fn is_timeout(&self) -> bool {
        let silent = matches!(self, Self::Transient(source) if source.is::<NoAnswer>());
        silent || self.sql_state() == Some(SqlState::QUERY_CANCELED.code())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        if is_transient(&error) {
            Self::transient(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Getting a connection fails only for reasons that pass or that an operator ends: a server that is away, a pool in full
/// use, a password that is about to be changed.
impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        Self::transient(error)
    }
}

impl From<refinery::Error> for Error {
    fn from(error: refinery::Error) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = source {
            if inner.downcast_ref::<tokio_postgres::Error>().is_some_and(is_transient) {
                return Self::transient(error);
            }
            source = inner.source();
        }
        Self::Migration(Box::new(error))
    }
}

fn is_transient(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else {
        // Not an answer of PostgreSQL: the connection broke. Values that do not fit their column are ours.
        return error.is_closed() || is_io(error);
    };
    matches!(
        *code,
        SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::QUERY_CANCELED // the statement timeout
            | SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::READ_ONLY_SQL_TRANSACTION // the primary has moved
    ) || ["08", "53", "58"].iter().any(|class| code.code().starts_with(class))
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<std::io::Error>() {
            return true;
        }
        source = inner.source();
    }
    false
}
