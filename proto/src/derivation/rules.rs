//! The rules: what a message is judged by the facts just before its own log.

use alloy::primitives::{Address, U256};

use super::{Lie, VoidReason};
use crate::{
    act::Act,
    facts::FactsMap,
    ids::{GatewayId, NetworkId},
    message::{Kind, Message},
    value::Transfer,
};

/// The rules versions this binary can judge by.
pub const KNOWN_RULES_VERSIONS: std::ops::RangeInclusive<u32> = 1..=1;

/// What is fixed for one origin, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Deployment {
    /// The network it belongs to.
    pub network: NetworkId,
    /// The origin.
    pub origin: GatewayId,
    /// The number of the block in which its gateway was deployed: the first that is derived from.
    pub deployed_at: u64,
    /// The hub's gateway.
    pub hub: GatewayId,
    /// The hub's registry: the only sender of governance.
    pub hub_registry: Address,
    /// This chain's $ERA token.
    pub era: Address,
}

/// What the gateway itself enforces: a message in its log that breaks it means that the origin lies.
///
/// Who may send `Governance` and `Control` is judged instead: it must hold whatever a gateway enforces.
pub(super) fn check_route(message: &Message, facts: &FactsMap) -> Result<(), Lie> {
    if matches!(message.kind, Kind::Governance | Kind::Control) {
        return check_fee(message, 0);
    }
    let route = facts.route(message.destination.chain).filter(|route| route.gateway == message.destination.gateway);
    let route = route.ok_or(Lie::NoRoute(message.destination))?;
    if !route.allows(message.kind) {
        return Err(Lie::RouteKind(message.kind));
    }
    if message.payload.len() > route.bytes_max {
        return Err(Lie::RouteBytes { max: route.bytes_max, got: message.payload.len() });
    }
    if message.gas_limit > route.gas_max {
        return Err(Lie::RouteGas { max: route.gas_max, got: message.gas_limit });
    }
    check_fee(message, route.fee(message.payload.len(), message.gas_limit))
}

/// Executors go by the fee: it must be what was taken.
const fn check_fee(message: &Message, expected: u128) -> Result<(), Lie> {
    if message.fee == expected { Ok(()) } else { Err(Lie::Fee { expected, got: message.fee }) }
}

/// What the gateway can log but the rules forbid: such a message is void. A transfer that is valid so far still needs its burn
/// and the balance.
pub(super) fn judge(
    message: &Message,
    facts: &FactsMap,
    deployment: &Deployment,
) -> Result<Option<Transfer>, VoidReason> {
    #[cfg(feature = "planted")]
    if crate::planted::is(crate::planted::Bug::VerdictByNewestVersion) {
        crate::planted::next_version(message)?;
    }
    check_modules(message, facts)?;
    let payload = message.payload.bytes();
    match message.kind {
        Kind::Generic => Ok(None),
        Kind::ValueFlow => check_transfer(message, facts, deployment).map(Some),
        // No rules yet: whatever claims to map is void, so that nothing is mapped unjudged.
        Kind::Mapping => Err(VoidReason::NoRules(message.kind)),
        Kind::Governance if message.origin != deployment.hub => Err(VoidReason::NotTheHub(message.origin.chain)),
        Kind::Governance if message.sender != deployment.hub_registry => Err(VoidReason::NotTheRegistry),
        Kind::Governance => Act::decode(payload).map(|_| None).map_err(|_| VoidReason::Undecodable),
        Kind::Control if message.sender != message.origin.gateway => Err(VoidReason::NotTheGateway),
        Kind::Control => Ok(None),
    }
}

/// Kind belongs to the module, not to the caller's wish.
fn check_modules(message: &Message, facts: &FactsMap) -> Result<(), VoidReason> {
    let sender = facts.module(message.origin.chain, message.sender);
    let recipient = facts.module(message.destination.chain, message.recipient);
    for row in [sender, recipient].into_iter().flatten() {
        if row.kind != message.kind {
            return Err(VoidReason::ModuleKind { module: row.module, expected: row.kind });
        }
    }
    if sender.map(|row| row.module) != recipient.map(|row| row.module) {
        return Err(VoidReason::DifferentModules);
    }
    if sender.is_none() && matches!(message.kind, Kind::ValueFlow | Kind::Mapping) {
        return Err(VoidReason::ModuleMissing);
    }
    Ok(())
}

/// A transfer says what it moves, and moves no more than its route carries.
fn check_transfer(message: &Message, facts: &FactsMap, deployment: &Deployment) -> Result<Transfer, VoidReason> {
    let transfer = Transfer::decode(message.payload.bytes()).map_err(|_| VoidReason::Undecodable)?;
    if transfer.token != deployment.era {
        return Err(VoidReason::TokenUnknown);
    }
    if transfer.amount.is_zero() {
        return Err(VoidReason::AmountZero);
    }
    // The gateway lets no value pass without a route.
    let value_max = facts.route(message.destination.chain).map_or(0, |route| route.value_max);
    if transfer.amount > U256::from(value_max) {
        return Err(VoidReason::AboveValueMax);
    }
    Ok(transfer)
}
