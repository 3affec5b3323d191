//! What is wrong in a file, line by line.

use serde::Serialize;
use utoipa::ToSchema;

/// What became of the counts that a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ImportAction)]
pub(crate) enum Action {
    /// They are taken as the text says.
    Accepted,
    /// They are added to others of the same hour.
    Added,
    /// They are not taken.
    Refused,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportProblem)]
pub(crate) struct Noted {
    /// The line of the file, from 1 on.
    pub(crate) line: u64,
    /// The name of the column; null: the whole line.
    pub(crate) column: Option<String>,
    /// What there is to say, for people.
    pub(crate) what: String,
    pub(crate) action: Action,
}

/// All problems: the first are kept, the others counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    pub(crate) kept: Vec<Noted>,
    pub(crate) total: u64,
}

impl Problems {
    pub(super) fn note(&mut self, most: usize, problem: impl FnOnce() -> Noted) {
        self.total += 1;
        if self.kept.len() < most {
            self.kept.push(problem());
        }
    }
}
