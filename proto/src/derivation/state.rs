//! The fold: what each log of the gateway does to lanes and facts.

use std::collections::BTreeMap;

use alloy::sol_types::SolEvent;

use super::{
    Deployment, DerivationError, JudgedMessage, KNOWN_RULES_VERSIONS, LaneChange, Lie, VerifiedBlock, VerifiedLog,
    rules,
};
use crate::{
    events::{LogError, abi, read, read_sent},
    facts::{Fact, FactKey, FactsMap, ModuleRow},
    ids::{ChainId, GatewayId},
    lane::Frontier,
};

/// What the fold remembers from log to log.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) lanes: BTreeMap<GatewayId, Frontier>,
    pub(super) facts: FactsMap,
}

/// Why a log stops the fold.
enum Stop {
    /// It cannot be.
    Lie(Lie),
    /// It is beyond this binary.
    Beyond(DerivationError),
}

impl<E: Into<Lie>> From<E> for Stop {
    fn from(lie: E) -> Self {
        Self::Lie(lie.into())
    }
}

impl State {
    /// The state after `block`, and how the lanes grew.
    pub(super) fn fold(
        &self,
        deployment: &Deployment,
        block: &VerifiedBlock,
    ) -> Result<(Self, Vec<LaneChange>), DerivationError> {
        let mut state = self.clone();
        let mut changes = BTreeMap::new();
        for log in block.logs.iter().filter(|log| log.address == deployment.origin.gateway) {
            state.fold_log(deployment, log, &mut changes).map_err(|stop| match stop {
                Stop::Beyond(error) => error,
                Stop::Lie(lie) => DerivationError::OriginLies {
                    origin: deployment.origin,
                    block: block.number,
                    log: log.index,
                    lie: Box::new(lie),
                },
            })?;
        }
        Ok((state, changes.into_values().collect()))
    }

    fn fold_log(
        &mut self,
        deployment: &Deployment,
        log: &VerifiedLog,
        changes: &mut BTreeMap<GatewayId, LaneChange>,
    ) -> Result<(), Stop> {
        match log.topics.first() {
            Some(&abi::MessageSent::SIGNATURE_HASH) => self.sent(deployment, log, changes)?,
            Some(&abi::RouteSet::SIGNATURE_HASH) => self.route_set(&read(log)?)?,
            Some(&abi::ModuleSet::SIGNATURE_HASH) => self.module_set(&read(log)?)?,
            Some(&abi::RulesVersionSet::SIGNATURE_HASH) => self.rules_version_set(&read(log)?)?,
            Some(&abi::Overruled::SIGNATURE_HASH) => self.overruled(&read(log)?)?,
            // The gateway's other events change no lane and no fact.
            _ => {}
        }
        Ok(())
    }

    fn sent(
        &mut self,
        deployment: &Deployment,
        log: &VerifiedLog,
        changes: &mut BTreeMap<GatewayId, LaneChange>,
    ) -> Result<(), Lie> {
        let (chain, message, logged_id) = read_sent(log, deployment.origin)?;
        let destination = message.destination;
        if chain != deployment.origin.chain {
            return Err(Lie::SenderChain(chain));
        }
        if destination.chain == chain {
            return Err(Lie::SameChain);
        }
        let lane = self.lanes.entry(destination).or_default();
        if message.sequence != lane.count() {
            return Err(Lie::Sequence { destination, expected: lane.count(), got: message.sequence });
        }
        let id = message.id();
        if id != logged_id {
            return Err(Lie::Id { expected: id, got: logged_id });
        }
        rules::check_route(&message, &self.facts)?;

        let verdict = rules::judge(&message, &self.facts, deployment);
        let judged = JudgedMessage { message, id, verdict, transaction_hash: log.transaction_hash };
        let leaf = judged.leaf();
        let change = || LaneChange { destination, before: lane.clone(), messages: Vec::new() };
        changes.entry(destination).or_insert_with(change).messages.push(judged);
        lane.append(leaf)?;
        Ok(())
    }

    fn route_set(&mut self, event: &abi::RouteSet) -> Result<(), LogError> {
        let destination = ChainId::new(event.destinationChainId)?;
        if event.route.gateway.is_zero() {
            self.facts.remove(&FactKey::Route(destination));
        } else {
            self.facts.insert(Fact::Route { destination, route: event.route.clone().into() });
        }
        Ok(())
    }

    fn module_set(&mut self, event: &abi::ModuleSet) -> Result<(), Lie> {
        let chain = ChainId::new(event.chainId).map_err(LogError::from)?;
        let (contract, version) = (event.module, event.version);
        match self.facts.module(chain, contract) {
            Some(old) if old.version >= version => {
                return Err(Lie::ModuleVersion { old: old.version, new: version });
            }
            _ => {}
        }
        if event.moduleId == 0 {
            // Whatever kind stands beside a removal means nothing.
            self.facts.remove(&FactKey::Module { chain, contract });
        } else {
            let kind = event.kind.try_into().map_err(LogError::from)?;
            let row = ModuleRow { module: event.moduleId, kind, version };
            self.facts.insert(Fact::Module { chain, contract, row });
        }
        Ok(())
    }

    fn rules_version_set(&mut self, event: &abi::RulesVersionSet) -> Result<(), Stop> {
        let old = self.facts.rules_version();
        let new = event.version;
        if new < old {
            return Err(Lie::RulesVersion { old, new }.into());
        }
        if !KNOWN_RULES_VERSIONS.contains(&new) {
            return Err(Stop::Beyond(DerivationError::RulesUnknown(new)));
        }
        self.facts.insert(Fact::Rules(new));
        Ok(())
    }

    fn overruled(&self, event: &abi::Overruled) -> Result<(), Stop> {
        let chain = ChainId::new(event.destinationChainId).map_err(LogError::from)?;
        let destination = GatewayId { chain, gateway: event.destinationGateway };
        let sequence = event.sequence;
        let count = self.lanes.get(&destination).map_or(0, Frontier::count);
        if sequence >= count {
            return Err(Lie::OverruledUnsent { sequence, count }.into());
        }
        Err(Stop::Beyond(DerivationError::Overruled { destination, sequence }))
    }
}
