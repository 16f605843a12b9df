//! What became of each message, read from the receipt of the transaction that carried it.

use std::collections::BTreeMap;

use alloy::primitives::Log;
use metalayer_proto::{envelope::Outcome, ids::LaneId};

use crate::outcome;

/// What the gateway logged of each sequence of `lane`. A sequence that is missing was skipped, or settled before.
pub(super) fn outcomes(logs: &[Log], lane: LaneId) -> BTreeMap<u64, Outcome> {
    let ours = logs.iter().filter(|log| log.address == lane.destination.gateway);
    let told = ours.filter_map(|log| outcome::read(log.topics(), &log.data.data));
    told.filter(|(origin, _)| *origin == lane.origin).map(|(_, told)| (told.sequence, told.outcome)).collect()
}
