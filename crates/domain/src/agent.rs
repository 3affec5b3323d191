//! Which program a node runs.

use std::fmt;

use compact_str::CompactString;

/// What a node says it is, in the words of its `User-Agent`, such as `citytrack-node/0.1.0`: shown to people, never decided
/// by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Agent(CompactString);

impl Agent {
    /// Characters that are kept at most.
    pub const MAX: usize = 100;

    /// What can be shown of the text: printable ASCII, cut off after [`Self::MAX`] characters. `None` when that is nothing.
    pub fn read(text: &str) -> Option<Self> {
        let printable: String = text
            .chars()
            .filter(|character| matches!(character, ' '..='~'))
            .collect();
        let kept: CompactString = printable.trim().chars().take(Self::MAX).collect();
        let shown = kept.trim_end();
        (!shown.is_empty()).then(|| Self(shown.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Agent::read(text).map(|agent| agent.as_str().to_owned())
    }

    #[test]
    fn what_cannot_be_shown_is_left_out() {
        assert_eq!(read("citytrack-node/0.1.0").as_deref(), Some("citytrack-node/0.1.0"));
        assert_eq!(read(" curl/8.5\u{7}\n(ü) ").as_deref(), Some("curl/8.5()"));
        assert_eq!(read(&"x".repeat(101)), Some("x".repeat(100)));
        assert_eq!(read(&format!("ü {} x", "x".repeat(99))), Some("x".repeat(99)));
        for nothing in ["", "  ", "\n\u{0}", "ü"] {
            assert_eq!(read(nothing), None);
        }
    }
}
