//! Derives all chains of a world beside each other, as an attester does.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::B256;

use super::{CHAINS, chained, deployment};
use crate::{
    derivation::{
        Arrival, Arrivals, BlockOutcome, Derivation, DerivationError, JudgedMessage, LaneChange, LeafId, Lie, Shown,
        VerifiedBlock, VerifiedLog,
    },
    facts::FactsMap,
    ids::LaneId,
    lane::{Frontier, LaneSlice},
    value::era_asset,
};

/// How a leaf is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tests::derivation) enum Way {
    /// By the origin's own derivation.
    Growth,
    /// By message and path under the origin's root.
    Path,
}

/// All chains' derivations, and what was shown of their lanes.
#[derive(Clone)]
pub(in crate::tests::derivation) struct Reader {
    way: Way,
    pub(in crate::tests::derivation) derivations: BTreeMap<u64, Derivation>,
    pub(in crate::tests::derivation) arrivals: Arrivals,
    pub(in crate::tests::derivation) judged: BTreeMap<LaneId, Vec<JudgedMessage>>,
    /// Kept all the same: what is told twice must not fail for want of the leaf alone.
    pub(in crate::tests::derivation) settled: BTreeSet<LeafId>,
}

impl Reader {
    pub(in crate::tests::derivation) fn new(way: Way) -> Self {
        let derivations = CHAINS.map(|id| (id, Derivation::new(deployment(id)))).into();
        Self { way, derivations, arrivals: Arrivals::default(), judged: BTreeMap::new(), settled: BTreeSet::new() }
    }

    /// Applies a block of chain `id`, and shows what it brought.
    pub(in crate::tests::derivation) fn apply(
        &mut self,
        id: u64,
        block: &VerifiedBlock,
    ) -> Result<BlockOutcome, DerivationError> {
        let derivation = self.derivations.get_mut(&id).unwrap();
        let before = derivation.commitment();
        let outcome = derivation.apply(block, &self.arrivals).inspect_err(|_| {
            assert_eq!(derivation.commitment(), before, "an error changes nothing");
        })?;
        outcome.lanes.iter().for_each(|change| self.show(id, change));
        self.settled.extend(&outcome.settled);
        Ok(outcome)
    }

    fn show(&mut self, id: u64, change: &LaneChange) {
        let root = self.derivations[&id].trusted_root(change.destination).unwrap();
        let known = self.judged.entry(root.lane()).or_default();
        known.extend(change.messages.clone());
        let arrivals = match self.way {
            Way::Growth => root.show_growth(change).unwrap(),
            Way::Path => {
                let leaves: Vec<B256> = known.iter().map(JudgedMessage::leaf).collect();
                let slice = LaneSlice::new(&Frontier::default(), &leaves).unwrap();
                let show = |judged: &JudgedMessage| {
                    let (sequence, bytes) = (judged.message.sequence, judged.message.encode());
                    let shown = if judged.verdict.is_valid() { Shown::Message(&bytes) } else { Shown::Void(judged.id) };
                    root.show(sequence, shown, &slice.prove_range(sequence, 1).unwrap()).unwrap()
                };
                change.messages.iter().map(show).collect()
            }
        };
        for arrival in arrivals {
            // A reader's own store gives back what it was given.
            let stored = Arrival::from_own_store(arrival.leaf(), &arrival.to_stored()).unwrap();
            assert_eq!(stored, arrival);
            self.arrivals.keep(stored).unwrap();
        }
    }

    /// Applies a next block of chain `id` with these transactions.
    pub(in crate::tests::derivation) fn next(
        &mut self,
        id: u64,
        transactions: Vec<Vec<VerifiedLog>>,
    ) -> Result<BlockOutcome, DerivationError> {
        let number = self.derivations[&id].next_block();
        let empty = vec![vec![]; usize::try_from(number - deployment(id).deployed_at).unwrap()];
        let block = chained(empty.into_iter().chain([transactions]).collect()).pop().unwrap();
        self.apply(id, &block)
    }

    /// What is said about a next block of chain `id` with these transactions; nothing has changed.
    pub(in crate::tests::derivation) fn lie(&self, id: u64, transactions: Vec<Vec<VerifiedLog>>) -> Result<(), Lie> {
        match self.clone().next(id, transactions) {
            Ok(_) => Ok(()),
            Err(DerivationError::OriginLies { lie, .. }) => Err(*lie),
            Err(other) => panic!("{other}"),
        }
    }

    pub(in crate::tests::derivation) fn facts(&self, id: u64) -> &FactsMap {
        self.derivations[&id].facts()
    }

    /// What chain `id` holds.
    pub(in crate::tests::derivation) fn units(&self, id: u64) -> u64 {
        self.facts(id).units(era_asset(deployment(id).network)).unwrap_or_default().to()
    }

    /// Applies what can be applied until nothing more can; why each chain stopped that did not come to its end.
    pub(in crate::tests::derivation) fn run(
        &mut self,
        blocks: &BTreeMap<u64, Vec<VerifiedBlock>>,
    ) -> BTreeMap<u64, DerivationError> {
        let mut at: BTreeMap<u64, usize> = BTreeMap::new();
        loop {
            let mut stopped = BTreeMap::new();
            let mut has_advanced = false;
            for (id, blocks) in blocks {
                let at = at.entry(*id).or_default();
                while let Some(block) = blocks.get(*at) {
                    let missing = self.derivations[id].missing(block, &self.arrivals);
                    match self.apply(*id, block) {
                        Ok(_) => {
                            assert_eq!(missing, [], "what is applied lacked nothing");
                            (*at, has_advanced) = (*at + 1, true);
                        }
                        Err(error) => {
                            if let DerivationError::ArrivalUnproven { leaf, .. } = error {
                                assert!(missing.contains(&leaf), "what is missing is told before");
                            }
                            stopped.insert(*id, error);
                            break;
                        }
                    }
                }
            }
            if !has_advanced {
                return stopped;
            }
        }
    }
}
