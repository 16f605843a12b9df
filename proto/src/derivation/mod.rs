//! The derivation: from an origin's final blocks to its lanes, verdicts, facts and commitments.
//!
//! One pure state machine, run by attesters and watchers alike, so that honest ones agree to the last bit. It folds the
//! gateway's logs one by one in (block, log index) order; blocks and commitments are where it can be looked at, never what a
//! verdict depends on. What it says of other chains' messages is believed only as far as it is shown ([`Arrivals`]).

mod arrivals;
mod block;
mod due;
mod error;
mod fold;
mod lie;
mod outcome;
mod rules;
mod snapshot;
mod verdict;

use std::collections::BTreeMap;

use alloy::primitives::B256;

pub use arrivals::{Arrival, Arrivals, ArrivalsFull, Effect, RootError, ShowError, Shown, StoredError, TrustedRoot};
pub use block::{VerifiedBlock, VerifiedLog};
pub use due::{RulesDue, RulesOverdue};
pub use error::{DerivationError, RestoreError};
pub use lie::Lie;
pub use outcome::{BlockOutcome, JudgedMessage, LaneChange, LeafId};
pub use rules::{Deployment, KNOWN_RULES_VERSIONS};
pub use snapshot::{Snapshot, SnapshotBytesError};
pub use verdict::{Verdict, VoidReason};

use crate::{
    commitment::Commitment,
    facts::FactsMap,
    ids::{GatewayId, LaneId},
    lane::Frontier,
    lanes::{LaneState, LanesError, LanesTree, no_lanes},
};
use fold::State;

/// An origin's history, folded up to its last applied block.
#[derive(Debug, Clone)]
pub struct Derivation {
    deployment: Deployment,
    state: State,
    last: Option<Applied>,
}

/// The block that was applied last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Applied {
    number: u64,
    hash: B256,
}

impl Derivation {
    /// The origin as it is before its gateway's deployment: no lanes, no facts.
    pub fn new(deployment: Deployment) -> Self {
        Self { deployment, state: State::default(), last: None }
    }

    /// The origin as it was at `commitment`, which the caller believes; the snapshot may come from anyone.
    pub fn restore(deployment: Deployment, commitment: &Commitment, snapshot: Snapshot) -> Result<Self, RestoreError> {
        if (commitment.network, commitment.origin) != (deployment.network, deployment.origin) {
            return Err(RestoreError::Foreign(Box::new(*commitment)));
        }
        let facts = FactsMap::from_snapshot(&snapshot.facts)?;
        if facts.root() != commitment.facts_root {
            return Err(RestoreError::FactsRoot { expected: commitment.facts_root, got: facts.root() });
        }
        let lanes_root = lanes_tree(&snapshot.lanes)?.root();
        if lanes_root != commitment.lanes_root {
            return Err(RestoreError::LanesRoot { expected: commitment.lanes_root, got: lanes_root });
        }
        let version = facts.rules_version();
        if version != commitment.version {
            return Err(RestoreError::Version { expected: commitment.version, got: version });
        }
        if !KNOWN_RULES_VERSIONS.contains(&version) {
            return Err(RestoreError::RulesUnknown(version));
        }
        let last = Some(Applied { number: commitment.block_number, hash: commitment.block_hash });
        Ok(Self { deployment, state: State { lanes: snapshot.lanes, facts }, last })
    }

    /// What is fixed for this origin.
    pub const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The number of the block to apply next.
    pub fn next_block(&self) -> u64 {
        self.last.map_or(self.deployment.deployed_at, |last| last.number + 1)
    }

    /// Folds the next block, whose deliveries are believed as far as `arrivals` shows them. After an error nothing has changed,
    /// and the same block may be tried again.
    pub fn apply(&mut self, block: &VerifiedBlock, arrivals: &Arrivals) -> Result<BlockOutcome, DerivationError> {
        self.check_follows(block)?;
        let folded = fold::fold(&self.state, &self.deployment, block, arrivals)?;
        self.state = folded.state;
        self.last = Some(Applied { number: block.number, hash: block.hash });
        Ok(BlockOutcome {
            number: block.number,
            hash: block.hash,
            timestamp: block.timestamp,
            lanes: folded.lanes,
            settled: folded.settled,
        })
    }

    /// The leaves that `block` needs and that `arrivals` lacks. A refusal's arrival names another leaf, so that whoever found some
    /// asks again.
    pub fn missing(&self, block: &VerifiedBlock, arrivals: &Arrivals) -> Vec<LeafId> {
        fold::missing(&self.deployment, block, arrivals)
    }

    fn check_follows(&self, block: &VerifiedBlock) -> Result<(), DerivationError> {
        let expected = self.next_block();
        if block.number != expected {
            return Err(DerivationError::NotNext { expected, got: block.number });
        }
        match self.last {
            Some(last) if last.hash != block.parent_hash => {
                return Err(DerivationError::Parent {
                    number: block.number,
                    expected: last.hash,
                    got: block.parent_hash,
                });
            }
            _ => {}
        }
        let in_order =
            |pair: &[VerifiedLog]| pair[0].index < pair[1].index && pair[0].transaction <= pair[1].transaction;
        if !block.logs.windows(2).all(in_order) {
            return Err(DerivationError::LogOrder(block.number));
        }
        Ok(())
    }

    /// What is signed at the block that was applied last; `None` before the first.
    pub fn commitment(&self) -> Option<Commitment> {
        let Applied { number, hash } = self.last?;
        Some(Commitment {
            version: self.state.facts.rules_version(),
            network: self.deployment.network,
            origin: self.deployment.origin,
            block_number: number,
            block_hash: hash,
            lanes_root: self.lanes_root(),
            facts_root: self.state.facts.root(),
        })
    }

    /// The lanes root as it stands.
    pub fn lanes_root(&self) -> B256 {
        // Lanes come from a sorted map and are only ever made by a message, so that they always have a tree.
        lanes_tree(&self.state.lanes).map_or_else(|_| no_lanes(), |tree| tree.root())
    }

    /// Each lane with messages, ascending by destination.
    pub fn lanes(&self) -> Vec<LaneState> {
        lane_states(&self.state.lanes)
    }

    /// The frontier of the lane to `destination`, if it has messages.
    pub fn frontier(&self, destination: GatewayId) -> Option<&Frontier> {
        self.state.lanes.get(&destination)
    }

    /// The lane to `destination` as the reader derived it, if it has messages.
    pub fn trusted_root(&self, destination: GatewayId) -> Option<TrustedRoot> {
        let frontier = self.frontier(destination)?;
        let lane = LaneId { origin: self.deployment.origin, destination };
        Some(TrustedRoot::derived(lane, frontier.count(), frontier.root()))
    }

    /// The facts as they stand.
    pub const fn facts(&self) -> &FactsMap {
        &self.state.facts
    }

    /// All that another one needs to go on from [`Self::commitment`].
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { lanes: self.state.lanes.clone(), facts: self.state.facts.snapshot() }
    }
}

fn lane_states(lanes: &BTreeMap<GatewayId, Frontier>) -> Vec<LaneState> {
    let state = |(destination, frontier): (&GatewayId, &Frontier)| LaneState {
        destination: *destination,
        count: frontier.count(),
        root: frontier.root(),
    };
    lanes.iter().map(state).collect()
}

fn lanes_tree(lanes: &BTreeMap<GatewayId, Frontier>) -> Result<LanesTree, LanesError> {
    LanesTree::new(lane_states(lanes))
}
