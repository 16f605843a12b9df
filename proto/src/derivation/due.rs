//! Rules that an origin's history should have by now (docs/protocol.md §11, `by`).

use std::collections::BTreeMap;

use super::{Arrival, BlockOutcome, Effect};
use crate::{act::Act, commitment::Commitment, ids::GatewayId};

/// What the hub has sent to each chain: the newest rules version, and by when it is to be there.
#[derive(Debug, Clone, Default)]
pub struct RulesDue {
    due: BTreeMap<GatewayId, Due>,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    version: u32,
    by: u64,
}

/// A block that is not to be signed. It says nothing of any message: once the version is delivered, or the hub moves the date,
/// the origin goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the block's time {time} is past {by}, by when rules version {version} was to be delivered")]
pub struct RulesOverdue {
    /// The version that is missing.
    pub version: u32,
    /// Until when blocks without it are signed, in Unix seconds.
    pub by: u64,
    /// The block's time, in Unix seconds.
    pub time: u64,
}

impl RulesDue {
    /// Notes what a block of the hub sent. The same version again moves its date.
    pub fn note(&mut self, hub: &BlockOutcome) {
        let judged = hub.lanes.iter().flat_map(|lane| &lane.messages);
        for one in judged.filter(|one| one.verdict.is_valid()) {
            if let Effect::Act(act) = Effect::of(&one.message) {
                self.note_act(one.message.destination, &act);
            }
        }
    }

    /// Notes what the hub sent earlier and nobody has taken yet, in the order in which it was sent: what was taken is due no more.
    pub fn note_waiting(&mut self, sent: &Arrival) {
        if let Some((_, Effect::Act(act))) = sent.valid() {
            self.note_act(sent.leaf().lane.destination, act);
        }
    }

    fn note_act(&mut self, destination: GatewayId, act: &Act) {
        let Act::SetRulesVersion { version, by } = *act else { return };
        let due = self.due.entry(destination).or_insert(Due { version, by });
        if version >= due.version {
            *due = Due { version, by };
        }
    }

    /// Whether a commitment at a block of this time may be signed.
    pub fn check(&self, commitment: &Commitment, time: u64) -> Result<(), RulesOverdue> {
        match self.due.get(&commitment.origin) {
            Some(&Due { version, by }) if by != 0 && time > by && commitment.version < version => {
                Err(RulesOverdue { version, by, time })
            }
            _ => Ok(()),
        }
    }
}
