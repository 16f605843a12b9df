//! The fold: what each log does to lanes and facts (docs/protocol.md §11), one idea a file.

mod arrived;
mod governed;
mod ledger;
mod refused;
mod registry;
mod sent;
mod transaction;

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, B256},
    sol_types::SolEvent,
};

use self::transaction::Transaction;
use super::{
    Arrivals, Deployment, DerivationError, LaneChange, LeafId, Lie, VerifiedBlock, VerifiedLog, arrivals::Arrival,
};
use crate::{
    events::{LogError, abi, read},
    facts::{Fact, FactKey, FactsMap},
    ids::{ChainId, GatewayId, LaneId, MessageId},
    lane::Frontier,
};

/// What the fold remembers from log to log.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) lanes: BTreeMap<GatewayId, Frontier>,
    pub(super) facts: FactsMap,
}

/// What a block came to.
pub(super) struct Folded {
    pub(super) state: State,
    pub(super) lanes: Vec<LaneChange>,
    pub(super) settled: Vec<LeafId>,
}

/// Why a log stops the fold.
enum Stop {
    /// It cannot be.
    Lie(Lie),
    /// It cannot be judged here, or not yet.
    Beyond(DerivationError),
}

impl<E: Into<Lie>> From<E> for Stop {
    fn from(lie: E) -> Self {
        Self::Lie(lie.into())
    }
}

/// The state after `block`, and what it brought.
pub(super) fn fold(
    state: &State,
    deployment: &Deployment,
    block: &VerifiedBlock,
    arrivals: &Arrivals,
) -> Result<Folded, DerivationError> {
    let mut fold = Fold {
        deployment,
        arrivals,
        state: state.clone(),
        at: 0,
        transaction: Transaction::default(),
        grown: BTreeMap::new(),
        settled: Vec::new(),
    };
    for logs in transactions(block, deployment) {
        fold.transaction(logs).map_err(|stop| match stop {
            Stop::Beyond(error) => error,
            Stop::Lie(lie) => {
                let (origin, log, lie) = (deployment.origin, fold.at, Box::new(lie));
                DerivationError::OriginLies { origin, block: block.number, log, lie }
            }
        })?;
    }
    Ok(Folded { state: fold.state, lanes: fold.grown.into_values().collect(), settled: fold.settled })
}

/// The logs of each transaction in which the gateway wrote; no other transaction is read, whoever wrote in it.
fn transactions<'a>(
    block: &'a VerifiedBlock,
    deployment: &'a Deployment,
) -> impl Iterator<Item = &'a [VerifiedLog]> + 'a {
    let gateway = deployment.origin.gateway;
    let transactions = block.logs.chunk_by(|one, next| one.transaction == next.transaction);
    transactions.filter(move |logs| logs.iter().any(|log| log.address == gateway))
}

/// The leaves that `block` says arrived or came home, and that `arrivals` lacks.
pub(super) fn missing(deployment: &Deployment, block: &VerifiedBlock, arrivals: &Arrivals) -> Vec<LeafId> {
    let here = deployment.origin;
    let mut missing = Vec::new();
    for log in transactions(block, deployment).flatten().filter(|log| log.address == here.gateway) {
        // A log that cannot be read is the fold's to refuse.
        let Some(leaf) = arrived::leaf_of(log, here) else { continue };
        match arrivals.get(leaf) {
            None => missing.push(leaf),
            Some(arrival) => missing.extend(arrival.home_leaf().filter(|own| arrivals.get(*own).is_none())),
        }
    }
    missing
}

/// A fold under way.
struct Fold<'a> {
    deployment: &'a Deployment,
    arrivals: &'a Arrivals,
    state: State,
    /// The index of the log that is folded.
    at: u64,
    /// What the logs of the transaction so far have to do with those to come.
    transaction: Transaction,
    grown: BTreeMap<GatewayId, LaneChange>,
    settled: Vec<LeafId>,
}

impl Fold<'_> {
    /// Folds the logs of one transaction.
    fn transaction(&mut self, logs: &[VerifiedLog]) -> Result<(), Stop> {
        self.transaction = Transaction::default();
        for log in logs {
            self.at = log.index;
            self.log(log)?;
        }
        self.transaction.left_open().map_or(Ok(()), |(log, lie)| {
            self.at = log;
            Err(lie.into())
        })
    }

    fn log(&mut self, log: &VerifiedLog) -> Result<(), Stop> {
        let Some(&event) = log.topics.first() else { return Ok(()) };
        let Deployment { origin, era, hub_registry, .. } = *self.deployment;
        if log.address == origin.gateway {
            return self.gateway_log(event, log);
        }
        if log.address == era && event == abi::CrosschainBurn::SIGNATURE_HASH {
            self.transaction.burnt(&read(log)?);
        }
        if log.address == hub_registry && self.on_hub() {
            match event {
                abi::Opened::SIGNATURE_HASH => self.opened(&read(log)?)?,
                abi::EpochAnnounced::SIGNATURE_HASH => self.epoch_announced(&read(log)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn gateway_log(&mut self, event: B256, log: &VerifiedLog) -> Result<(), Stop> {
        match event {
            abi::MessageSent::SIGNATURE_HASH => self.sent(log),
            abi::MessageDelivered::SIGNATURE_HASH => self.delivered(&read(log)?),
            abi::MessageFailed::SIGNATURE_HASH => self.failed(&read(log)?),
            abi::MessageVoided::SIGNATURE_HASH => self.voided(&read(log)?),
            abi::MessageRefused::SIGNATURE_HASH => self.refused(&read(log)?),
            abi::RangeDelivered::SIGNATURE_HASH => self.range_delivered(&read(log)?),
            abi::RouteSet::SIGNATURE_HASH => Ok(self.route_set(&read(log)?)?),
            abi::ModuleSet::SIGNATURE_HASH => self.module_set(&read(log)?),
            abi::RulesVersionSet::SIGNATURE_HASH => self.rules_version_set(&read(log)?),
            abi::Overruled::SIGNATURE_HASH => self.overruled(&read(log)?),
            // The gateway's other events change no lane and no fact.
            _ => Ok(()),
        }
    }

    fn on_hub(&self) -> bool {
        self.deployment.origin == self.deployment.hub
    }

    /// The other end of a lane with this gateway.
    fn other_end(&self, chain: u64, gateway: Address) -> Result<GatewayId, Lie> {
        let chain = ChainId::new(chain).map_err(LogError::from)?;
        if chain == self.deployment.origin.chain { Err(Lie::SameChain) } else { Ok(GatewayId { chain, gateway }) }
    }

    /// The place of `sequence` in the lane from `origin` to here.
    const fn arriving(&self, origin: GatewayId, sequence: u64) -> LeafId {
        LeafId { lane: LaneId { origin, destination: self.deployment.origin }, sequence }
    }

    /// The leaf, which the block says to be `id`, valid or void.
    fn shown(&self, leaf: LeafId, id: MessageId) -> Result<&Arrival, Stop> {
        self.arrivals.get(leaf).ok_or(Stop::Beyond(DerivationError::ArrivalUnproven { leaf, id }))
    }

    fn route_set(&mut self, event: &abi::RouteSet) -> Result<(), LogError> {
        let destination = ChainId::new(event.destinationChainId)?;
        if event.route.gateway.is_zero() {
            self.state.facts.remove(&FactKey::Route(destination));
        } else {
            self.state.facts.insert(Fact::Route { destination, route: event.route.clone().into() });
        }
        Ok(())
    }
}
