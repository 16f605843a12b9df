//! Which heights are signed, so that attesters who see finality differently meet (docs/protocol.md §8).

use std::time::Duration;

/// Every multiple of this is a heartbeat: a height that is signed although nothing changed.
pub const HEARTBEAT: u64 = 256;

/// How long some height at or above a heartbeat has been proven before the heartbeat is skipped.
pub const HEARTBEAT_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// A height that may be worth a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Candidate(u64);

/// What an attester knows when it comes to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// Some lane changed after [`Candidate::window_start`].
    pub lane_changed: bool,
    /// The same lanes root is proven in every unexpired epoch the attester belongs to.
    pub root_proven: bool,
    /// Some height at or above this one has been proven for longer than [`HEARTBEAT_PATIENCE`].
    pub long_proven: bool,
}

/// The candidates when finality moves from `from` to `to`, ascending: `to`, and `to` with its lowest set bits cleared one
/// after the other while above `from`. At most log2(to - from) + 1; none if finality did not move.
pub fn candidates(from: u64, to: u64) -> Vec<Candidate> {
    let mut heights: Vec<_> = std::iter::successors(Some(to), |height| Some(height & height.wrapping_sub(1)))
        .take_while(|h| *h > from)
        .collect();
    heights.reverse();
    heights.into_iter().map(Candidate).collect()
}

impl Candidate {
    /// The height.
    pub const fn height(self) -> u64 {
        self.0
    }

    /// The last height before its window: the window is (this, height], and windows of a move leave no gap.
    pub const fn window_start(self) -> u64 {
        self.0 & (self.0 - 1)
    }

    /// Whether it is signed although nothing changed.
    pub const fn is_heartbeat(self) -> bool {
        self.0.is_multiple_of(HEARTBEAT)
    }

    /// Whether it is to be signed.
    pub const fn is_due(self, known: Known) -> bool {
        if self.is_heartbeat() { !known.long_proven } else { known.lane_changed && !known.root_proven }
    }
}
