//! How many distinct heights of an origin have been attested, in bounded memory.

use std::collections::BTreeSet;

/// How many heights are remembered one by one; those below them are only counted.
const REMEMBERED_MAX: usize = 4_096;

/// The heights of one origin that an attestation was taken of.
#[derive(Debug, Default)]
pub(super) struct SignedHeights {
    recent: BTreeSet<u64>,
    /// Distinct heights below all recent ones.
    forgotten: u64,
    /// Heights up to here are counted already, whether they were attested or not.
    forgotten_to: Option<u64>,
}

impl SignedHeights {
    pub(super) fn insert(&mut self, height: u64) {
        if self.forgotten_to.is_some_and(|forgotten| height <= forgotten) {
            return;
        }
        self.recent.insert(height);
        if self.recent.len() > REMEMBERED_MAX {
            self.forgotten_to = self.recent.pop_first();
            self.forgotten += 1;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.forgotten + self.recent.len() as u64
    }

    pub(super) fn highest(&self) -> Option<u64> {
        self.recent.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_height_counts_once_and_memory_is_bounded() {
        let mut heights = SignedHeights::default();
        for height in (0..10_000).chain(9_000..10_000) {
            heights.insert(height);
        }
        assert_eq!(heights.count(), 10_000);
        assert_eq!(heights.highest(), Some(9_999));
        assert!(heights.recent.len() <= REMEMBERED_MAX);
        heights.insert(3);
        assert_eq!(heights.count(), 10_000, "counted when it was recent");
    }
}
