//! What is wrong with a batch, and where.

/// So many are listed; the rest are only counted.
const LISTED: usize = 100;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// JSON pointer (RFC 6901) into the body; empty for the whole of it.
    pub(crate) pointer: String,
    pub(crate) message: String,
}

/// Broken rules, in the order of the body.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    first: Vec<Violation>,
    total: usize,
}

impl Violations {
    /// Notes one. The texts are only made when they will be shown.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "places and literals are small, and read better by value"
    )]
    pub(crate) fn add(&mut self, pointer: impl ToString, message: impl Into<String>) {
        self.total += 1;
        if self.first.len() < LISTED {
            self.first.push(Violation {
                pointer: pointer.to_string(),
                message: message.into(),
            });
        }
    }

    /// The first hundred.
    pub(crate) fn first(&self) -> &[Violation] {
        &self.first
    }

    /// How many there are.
    pub(crate) fn total(&self) -> usize {
        self.total
    }
}
