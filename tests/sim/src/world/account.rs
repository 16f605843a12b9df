//! What really happened, by the chains' own logs: which messages were sent, what became of them, and where all $ERA is.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    primitives::{Address, B256, TxHash, U256, keccak256},
    rpc::types::Log,
    sol_types::SolEvent,
};
use devnet::{
    audit::{Audit, Course, Fate, History, Intent, Intents, Outcome, Sent},
    observer::{Logs, Seen},
};
use metalayer_proto::{
    events::abi,
    ids::{ChainId, GatewayId, LaneId, MessageId},
    lanes::LaneState,
};
use serde_json::{Value, json};

use super::monitor::lane_of;
use crate::{
    chain::SimChain,
    founding::{Founded, FoundedChain},
};

/// `totalSupply()`.
const TOTAL_SUPPLY: &str = "0x18160ddd";

/// The account of all chains.
pub struct Account {
    chains: Vec<Followed>,
    /// What messages were sent for; the others are to be delivered.
    intents: Intents,
    /// $ERA that a rollup made up.
    pub made_up: U256,
    /// How many records were refused onto the bus's dead letters.
    pub dead_letters: u64,
}

struct Followed {
    chain: SimChain,
    gateway: GatewayId,
    era: Address,
    since: u64,
    next: u64,
    /// The hash of the block before `next`, to notice a reorg.
    tip: Option<B256>,
    logs: Logs,
    seen: Seen,
    accepted: Vec<(LaneId, u64, B256)>,
}

impl Account {
    pub(super) fn of(founded: &Founded) -> Self {
        Self {
            chains: founded.chains.iter().map(Followed::of).collect(),
            intents: Intents::new(),
            made_up: U256::ZERO,
            dead_letters: 0,
        }
    }

    /// A transaction sends a message that is to end so.
    pub(super) fn intend(&mut self, transaction: TxHash, intent: Intent) {
        self.intents.insert(transaction, intent);
    }

    /// Reads what is new on a chain.
    pub(super) fn follow(&mut self, place: usize) -> Result<(), String> {
        self.chains[place].follow()
    }

    /// What was logged on all chains.
    pub(super) fn history(&self) -> History {
        let mut all = History::default();
        for History { sent, outcomes, returns } in self.chains.iter().map(|one| &one.seen.history) {
            all.sent.extend(sent);
            all.outcomes.extend(outcomes);
            all.returns.extend(returns);
        }
        all
    }

    pub(super) fn audit(&self, history: &History) -> Audit {
        Audit::of(history, &self.intents)
    }

    pub(super) fn supplies(&self) -> BTreeMap<ChainId, U256> {
        self.chains.iter().map(|one| (one.gateway.chain, one.supply())).collect()
    }

    /// Whether a chain's gateway has delivered anything that carries $ERA.
    pub(super) fn has_arrived(&self, place: usize) -> bool {
        self.chains[place].supply() > U256::ZERO
    }

    /// Messages of which nothing final became, and whose place is none that a reorg could take.
    pub(super) fn unsettled(&self) -> Vec<(LaneId, u64)> {
        let history = self.history();
        let courses = Course::of_all(&history);
        let settled = |sent: &Sent| courses.get(&sent.id).is_some_and(|course| course.settled().is_some());
        history.sent.iter().filter(|sent| !settled(sent)).map(|sent| (sent.lane, sent.sequence)).collect()
    }

    /// Messages that were settled in a block that is final.
    pub(super) fn settled_for_good(&self) -> BTreeSet<(LaneId, u64)> {
        let history = self.history();
        let finals: BTreeMap<_, _> =
            self.chains.iter().map(|one| (one.gateway.chain, one.chain.finalized().number)).collect();
        let is_final =
            |outcome: &&Outcome| finals.get(&outcome.destination).is_some_and(|newest| outcome.place.block <= *newest);
        let settled: BTreeSet<MessageId> = history.outcomes.iter().filter(is_final).map(|one| one.id).collect();
        let sent = history.sent.iter().filter(|one| settled.contains(&one.id));
        sent.map(|one| (one.lane, one.sequence)).collect()
    }

    /// Messages of which something is to be given back.
    pub(super) fn stranded(&self) -> Vec<MessageId> {
        self.audit(&self.history()).stranded
    }

    /// Roots that gateways accepted.
    pub(super) fn accepted(&self) -> Vec<(LaneId, u64, B256)> {
        self.chains.iter().flat_map(|one| &one.accepted).copied().collect()
    }

    /// The hash of an origin's block, if it is final.
    pub(super) fn final_hash(&self, origin: GatewayId, height: u64) -> Option<B256> {
        let one = self.chains.iter().find(|one| one.gateway == origin)?;
        if one.chain.finalized().number < height {
            return None;
        }
        one.hash(height)
    }

    /// An origin's lanes at a height, by what it logged; `None` if there is no such origin.
    pub(super) fn lanes_at(&self, origin: GatewayId, height: u64) -> Option<Vec<LaneState>> {
        let one = self.chains.iter().find(|one| one.gateway == origin)?;
        let mut leaves = BTreeMap::<GatewayId, Vec<B256>>::new();
        for sent in one.seen.history.sent.iter().filter(|sent| sent.block <= height) {
            let is_void = self.intents.get(&sent.transaction) == Some(&Intent::BeVoid);
            let leaf = if is_void { void_leaf(sent.id) } else { sent.id.0 };
            leaves.entry(sent.lane.destination).or_default().push(leaf);
        }
        Some(leaves.into_iter().map(|(destination, leaves)| lane_of(destination, leaves)).collect())
    }

    /// Messages sent, and outcomes logged, on a chain's blocks below one.
    #[allow(clippy::type_complexity, reason = "two lists of what a cursor promises")]
    pub(super) fn below(&self, chain: ChainId, next: u64) -> (Vec<(LaneId, u64)>, Vec<(B256, &'static str)>) {
        let Some(one) = self.chains.iter().find(|one| one.gateway.chain == chain) else { return Default::default() };
        let History { sent, outcomes, .. } = &one.seen.history;
        let sent = sent.iter().filter(|sent| sent.block < next).map(|sent| (sent.lane, sent.sequence));
        let word = |outcome: &Outcome| match outcome.fate {
            Fate::Delivered => "delivered",
            Fate::Failed => "failed",
            Fate::Voided => "void",
            Fate::Refused => "refused",
        };
        let outcomes = outcomes.iter().filter(|outcome| outcome.place.block < next);
        (sent.collect(), outcomes.map(|outcome| (outcome.id.0, word(outcome))).collect())
    }
}

/// The leaf of a void message, by docs/protocol.md and not by the code that is watched.
fn void_leaf(MessageId(id): MessageId) -> B256 {
    const VERSION: u8 = 1;
    let tag = keccak256("metalayer/void");
    keccak256([tag.as_slice(), &[VERSION], id.as_slice()].concat())
}

impl Followed {
    fn of(founded: &FoundedChain) -> Self {
        let deployment = &founded.deployment;
        Self {
            chain: founded.chain.clone(),
            gateway: deployment.gateway(),
            era: deployment.addresses.era,
            since: deployment.deployment_block,
            next: deployment.deployment_block,
            tip: None,
            logs: Logs::of(deployment.gateway()),
            seen: Seen::default(),
            accepted: Vec::new(),
        }
    }

    fn follow(&mut self) -> Result<(), String> {
        let latest = self.chain.latest();
        if self.tip.is_some() && self.tip != self.hash(self.next.saturating_sub(1)) {
            (self.next, self.tip) = (self.since, None);
            (self.logs, self.seen) = (Logs::of(self.gateway), Seen::default());
        }
        if latest.number < self.next {
            return Ok(());
        }
        let (from, to) = (format!("{:#x}", self.next), format!("{:#x}", latest.number));
        let filter = json!([{ "fromBlock": from, "toBlock": to, "address": [self.gateway.gateway, self.era] }]);
        let logs: Vec<Log> =
            serde_json::from_value(self.ask("eth_getLogs", &filter)).map_err(|error| error.to_string())?;
        for log in &logs {
            self.logs.take(&mut self.seen, log)?;
            if log.topic0() == Some(&abi::RootAccepted::SIGNATURE_HASH) {
                let event = abi::RootAccepted::decode_log_data(log.data()).map_err(|error| error.to_string())?;
                let chain = ChainId::new(event.originChainId).map_err(|error| error.to_string())?;
                let origin = GatewayId { chain, gateway: event.originGateway };
                self.accepted.push((LaneId { origin, destination: self.gateway }, event.count, event.laneRoot));
            }
        }
        (self.next, self.tip) = (latest.number + 1, Some(latest.hash));
        Ok(())
    }

    fn hash(&self, number: u64) -> Option<B256> {
        let block = self.ask("eth_getBlockByNumber", &json!([format!("{number:#x}"), false]));
        serde_json::from_value(block["hash"].clone()).ok()
    }

    fn supply(&self) -> U256 {
        let call = json!([{ "to": self.era, "data": TOTAL_SUPPLY }, "latest"]);
        serde_json::from_value(self.ask("eth_call", &call)).unwrap_or_default()
    }

    fn ask(&self, method: &str, params: &Value) -> Value {
        let mut answer = self.chain.answer(&json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params }));
        answer["result"].take()
    }
}
