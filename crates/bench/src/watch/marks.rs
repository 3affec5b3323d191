//! One bit for each part of a run.

/// Which parts came.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<u64>);

impl Marks {
    /// Marks a part; false if it was marked already.
    pub(crate) fn mark(&mut self, part: u64) -> bool {
        let Ok(word) = usize::try_from(part / 64) else {
            return false;
        };
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let bit = 1 << (part % 64);
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    pub(crate) fn has(&self, part: u64) -> bool {
        let word = usize::try_from(part / 64).ok().and_then(|word| self.0.get(word));
        word.is_some_and(|word| word & (1 << (part % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_new_once() {
        let mut marks = Marks::default();
        for part in [0, 63, 64, 1000] {
            assert!(!marks.has(part) && marks.mark(part) && marks.has(part) && !marks.mark(part));
        }
        assert!(!marks.has(999) && !marks.has(u64::MAX));
    }
}
