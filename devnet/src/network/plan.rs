//! What is deployed: a network that is thrown away.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy::primitives::{Address, aliases::U208};
use metalayer_node::chain::{Finality, ReadingMode};
use metalayer_proto::{ids::ChainId, quorum::EpochTable, topics::Partition};
use relayer::deploy::{ChainPlan, InboundCap, Plan, RegistryRoles, Roles};

use super::DAY_S;

/// The most $ERA that may arrive at a chain at once from one other, in the smallest unit.
pub(crate) const INBOUND_MAX: u128 = 6_000_000 * 10_u128.pow(18);

pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A network that is thrown away, its epoch in force: one account stands for everybody who has a role. The first of `chains` is the
/// hub, and a chain's place is its partition's number.
pub(crate) fn plan(name: &str, chains: &[(&str, ChainId)], admin: Address, table: Arc<EpochTable>) -> Plan {
    let now_s = now_s();
    let chain = |(partition, (name, id)): (u32, &(&str, ChainId))| ChainPlan {
        name: (*name).to_owned(),
        id: *id,
        partition: Partition(partition),
        finality: Finality::Finalized,
        reading: ReadingMode::BloomReceipts,
    };
    Plan {
        name: name.to_owned(),
        hub_chain: chains[0].1,
        chains: (0..).zip(chains).map(chain).collect(),
        table,
        activates_at: now_s - DAY_S,
        expires_at: now_s + 90 * DAY_S,
        epoch_overlap_s: DAY_S,
        inbound: InboundCap { capacity: U208::from(INBOUND_MAX), window_s: 3_600 },
        faulty: None,
        roles: Roles {
            era_holder: admin,
            route_admin: admin,
            guardian: admin,
            council: vec![admin],
            unfreeze_delay_s: DAY_S,
            registry: RegistryRoles::all(admin),
        },
    }
}
