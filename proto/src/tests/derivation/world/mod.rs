//! Three chains with honest gateways, one of them the hub: what they log, and what a naive ledger says.
//!
//! A message is delivered in a later round than it was sent in, as finality has it, so that each round of a chain may be one
//! block or many.
#![allow(non_snake_case, reason = "Solidity's names of fields")]

pub(super) mod derive;

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    primitives::{Address, B256, U256, aliases::U96},
    sol_types::SolEvent,
};

use super::gateway::{chain, contract, gateway_on, sent_event};
use crate::{
    act::Act,
    control::Refusal,
    derivation::{Deployment, VerifiedBlock, VerifiedLog},
    events::abi,
    facts::ModuleRow,
    ids::GatewayId,
    message::{Kind, Message, Payload},
    value::Transfer,
};

pub(super) const CHAINS: [u64; 3] = [1, 2, 3];
pub(super) const HUB: u64 = 2;
pub(super) const SUPPLY: u64 = 1_000_000;
pub(super) const VALUE_MAX: u128 = 5_000;
pub(super) const FEE: u128 = 5;
const MODULE_ID: u32 = 7;

pub(super) fn deployment(id: u64) -> Deployment {
    Deployment {
        network: crate::tests::golden::samples::network(),
        origin: gateway_on(id),
        deployed_at: 10,
        hub: gateway_on(HUB),
        hub_registry: contract(0xee),
        era: era(id),
    }
}

pub(super) fn era(id: u64) -> Address {
    contract(0xe0 + id as u8)
}

/// The value module's contract.
pub(super) fn module(id: u64) -> Address {
    contract(0x70 + id as u8)
}

pub(super) fn executor() -> Address {
    contract(0xe7)
}

pub(super) fn log_of(address: Address, event: &impl SolEvent) -> VerifiedLog {
    let data = event.encode_log_data();
    VerifiedLog { address, topics: data.topics().to_vec(), data: data.data.clone(), ..VerifiedLog::default() }
}

/// A log of the gateway on chain `at`.
pub(super) fn logged(at: u64, event: &impl SolEvent) -> VerifiedLog {
    log_of(gateway_on(at).gateway, event)
}

pub(super) fn delivered(message: &Message) -> VerifiedLog {
    let GatewayId { chain, gateway } = message.origin;
    let event = abi::MessageDelivered {
        id: message.id().0,
        originChainId: chain.get(),
        originGateway: gateway,
        sequence: message.sequence,
    };
    log_of(message.destination.gateway, &event)
}

pub(super) fn failed(message: &Message) -> VerifiedLog {
    let GatewayId { chain, gateway } = message.origin;
    let (id, reason) = (message.id().0, B256::repeat_byte(1));
    let (originChainId, originGateway, sequence) = (chain.get(), gateway, message.sequence);
    let event = abi::MessageFailed { id, originChainId, originGateway, sequence, reason };
    log_of(message.destination.gateway, &event)
}

pub(super) fn voided(message: &Message) -> VerifiedLog {
    let GatewayId { chain, gateway } = message.origin;
    let (originChainId, originGateway, sequence) = (chain.get(), gateway, message.sequence);
    let event = abi::MessageVoided { id: message.id().0, originChainId, originGateway, sequence };
    log_of(message.destination.gateway, &event)
}

pub(super) fn refused(message: &Message) -> VerifiedLog {
    let GatewayId { chain, gateway } = message.origin;
    let (originChainId, originGateway, sequence) = (chain.get(), gateway, message.sequence);
    let event = abi::MessageRefused { id: message.id().0, originChainId, originGateway, sequence };
    log_of(message.destination.gateway, &event)
}

pub(super) fn range(at: u64, from: u64, first: u64, bitmap: U256) -> VerifiedLog {
    let (originChainId, originGateway) = (from, gateway_on(from).gateway);
    logged(at, &abi::RangeDelivered { originChainId, originGateway, first, bitmap, executor: executor() })
}

pub(super) fn burn(at: u64, amount: u64) -> VerifiedLog {
    let (from, amount) = (contract(0xa0), U256::from(amount));
    log_of(era(at), &abi::CrosschainBurn { from, amount, sender: module(at) })
}

pub(super) fn sent(message: &Message) -> VerifiedLog {
    log_of(message.origin.gateway, &sent_event(message))
}

pub(super) fn route(to: u64) -> abi::RouteSet {
    let route = abi::Route {
        gateway: gateway_on(to).gateway,
        kinds: 0b111,
        bytesMax: 200,
        gasMax: 500_000,
        valueMax: VALUE_MAX,
        feeBase: U96::from(FEE),
        feePerByte: Default::default(),
        feePerGas: Default::default(),
    };
    abi::RouteSet { destinationChainId: to, route }
}

/// A world, and a reader that has read all of it.
pub(super) fn read(happens: impl FnOnce(&mut World)) -> (World, derive::Reader) {
    let mut world = World::new();
    happens(&mut world);
    let mut reader = derive::Reader::new(derive::Way::Growth);
    let blocks = CHAINS.map(|id| (id, world.blocks(id, |_| false))).into();
    assert_eq!(reader.run(&blocks), BTreeMap::new());
    (world, reader)
}

pub(super) fn module_row(of: u64, version: u64) -> Act {
    let row = ModuleRow { module: MODULE_ID, kind: Kind::ValueFlow, version };
    Act::SetModule { chain: chain(of), contract: module(of), row }
}

/// The log of a gateway on chain `at` that did `act`.
pub(super) fn did(at: u64, act: &Act) -> VerifiedLog {
    match act {
        Act::SetModule { chain, contract, row } => {
            let (chainId, module, moduleId) = (chain.get(), *contract, row.module);
            logged(at, &abi::ModuleSet { chainId, module, moduleId, kind: row.kind.byte(), version: row.version })
        }
        Act::SetRulesVersion { version, .. } => logged(at, &abi::RulesVersionSet { version: *version }),
        Act::RefuseUnproven { origin, sequence } => {
            let (originChainId, originGateway) = (origin.chain.get(), origin.gateway);
            let (id, sequence) = (B256::ZERO, *sequence);
            logged(at, &abi::MessageRefused { id, originChainId, originGateway, sequence })
        }
        Act::Overrule { destination, sequence } => {
            let (destinationChainId, destinationGateway) = (destination.chain.get(), destination.gateway);
            logged(at, &abi::Overruled { destinationChainId, destinationGateway, sequence: *sequence })
        }
        Act::AnnounceEpoch { .. } | Act::CallModule { .. } => panic!("the gateway logs nothing"),
    }
}

/// A message as its gateway made it, and what it is to be judged.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) message: Message,
    pub(super) is_valid: bool,
    round: usize,
}

/// One chain's own state.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// By round, then transaction.
    pub(super) rounds: Vec<Vec<Vec<VerifiedLog>>>,
    pub(super) sent: BTreeMap<u64, Vec<Sent>>,
    taken: BTreeSet<(u64, u64)>,
    failed: BTreeMap<(u64, u64), Message>,
    /// What the naive ledger says.
    pub(super) units: u64,
    pub(super) fees: BTreeMap<u64, u128>,
}

pub(super) struct World {
    pub(super) chains: BTreeMap<u64, Chain>,
    versions: u64,
}

impl World {
    /// After two rounds: routes are open, the hub holds the supply, and each chain has the value modules' rows.
    pub(super) fn new() -> Self {
        let mut world = Self { chains: CHAINS.map(|id| (id, Chain::default())).into(), versions: 3 };
        world.next_round();
        for at in CHAINS {
            let routes = CHAINS.into_iter().filter(|to| *to != at).map(|to| logged(at, &route(to)));
            let mut logs: Vec<_> = routes.collect();
            if at == HUB {
                let opened = abi::Opened { era: era(HUB), supply: U256::from(SUPPLY) };
                logs.push(log_of(deployment(HUB).hub_registry, &opened));
                logs.extend(CHAINS.map(|of| did(HUB, &module_row(of, of))));
            }
            world.transaction(at, logs);
        }
        world.chain(HUB).units = SUPPLY;
        for to in [1, 3] {
            CHAINS.iter().for_each(|of| world.govern(to, &module_row(*of, *of)));
        }
        world.next_round();
        [1, 3].iter().for_each(|at| world.deliver(*at, HUB, 10, 0));
        world.next_round();
        world
    }

    pub(super) fn chain(&mut self, id: u64) -> &mut Chain {
        self.chains.get_mut(&id).unwrap()
    }

    pub(super) fn next_round(&mut self) {
        self.chains.values_mut().for_each(|chain| chain.rounds.push(Vec::new()));
    }

    /// Adds a transaction to the round.
    pub(super) fn transaction(&mut self, at: u64, logs: Vec<VerifiedLog>) {
        self.chain(at).rounds.last_mut().unwrap().push(logs);
    }

    /// The next message in the lane, its fields yet to be set.
    pub(super) fn next(&self, from: u64, to: u64, kind: Kind, sender: Address, payload: Vec<u8>) -> Message {
        let count = self.chains[&from].sent.get(&to).map_or(0, Vec::len) as u64;
        Message {
            origin: gateway_on(from),
            destination: gateway_on(to),
            sequence: count,
            kind,
            gas_limit: 200_000,
            sender,
            recipient: if kind == Kind::ValueFlow { module(to) } else { contract(0xbb) },
            payer: sender,
            fee: if matches!(kind, Kind::Governance | Kind::Control) { 0 } else { FEE },
            after: 0,
            payload: Payload::new(payload).unwrap(),
        }
    }

    /// The last message that was sent in a lane.
    pub(super) fn last(&self, from: u64, to: u64) -> Message {
        self.chains[&from].sent[&to].last().unwrap().message.clone()
    }

    /// Remembers a message that was sent; its log.
    pub(super) fn send(&mut self, message: Message, is_valid: bool) -> VerifiedLog {
        let (from, to) = (message.origin.chain.get(), message.destination.chain.get());
        let log = sent(&message);
        let chain = self.chain(from);
        let round = chain.rounds.len();
        chain.sent.entry(to).or_default().push(Sent { message, is_valid, round });
        log
    }

    /// The payload of a transfer of `amount` by account 0xa0.
    pub(super) fn transfer_payload(at: u64, amount: u64) -> Vec<u8> {
        let (token, from, to) = (era(at), contract(0xa0), contract(0xb0));
        Transfer { token, from, amount: U256::from(amount), to }.encode()
    }

    pub(super) fn transfer(&mut self, from: u64, to: u64, amount: u64, is_burnt: bool) {
        let message = self.next(from, to, Kind::ValueFlow, module(from), Self::transfer_payload(from, amount));
        let held = self.chains[&from].units;
        let is_valid = is_burnt && amount != 0 && u128::from(amount) <= VALUE_MAX && amount <= held;
        if is_valid {
            self.chain(from).units -= amount;
        }
        let mut logs: Vec<_> = is_burnt.then(|| burn(from, amount)).into_iter().collect();
        logs.push(self.send(message, is_valid));
        self.transaction(from, logs);
    }

    pub(super) fn generic(&mut self, from: u64, to: u64) {
        let message = self.next(from, to, Kind::Generic, contract(0xaa), vec![1, 2, 3]);
        let log = self.send(message, true);
        self.transaction(from, vec![log]);
    }

    pub(super) fn govern(&mut self, to: u64, act: &Act) {
        let message = self.next(HUB, to, Kind::Governance, deployment(HUB).hub_registry, act.encode());
        let log = self.send(message, true);
        self.transaction(HUB, vec![log]);
    }

    /// The hub renews the row of chain `of` for chain `to`.
    pub(super) fn renew_row(&mut self, to: u64, of: u64) {
        self.versions += 1;
        self.govern(to, &module_row(of, self.versions));
    }

    /// What was sent in an earlier round and not taken yet.
    pub(super) fn waiting(&self, at: u64, from: u64) -> Vec<Sent> {
        let (chain, round) = (&self.chains[&at], self.chains[&at].rounds.len());
        let lane = self.chains[&from].sent.get(&at).into_iter().flatten();
        lane.filter(|sent| sent.round < round && !chain.taken.contains(&(from, sent.message.sequence)))
            .cloned()
            .collect()
    }

    /// Delivers up to `most` messages that wait, in one call; bit i of `fails`: the i-th fails, if it can.
    pub(super) fn deliver(&mut self, at: u64, from: u64, most: usize, fails: u64) {
        let (mut logs, mut executed) = (Vec::new(), BTreeSet::new());
        for (index, sent) in self.waiting(at, from).into_iter().take(most).enumerate() {
            let Sent { message, is_valid, .. } = sent;
            let sequence = message.sequence;
            self.chain(at).taken.insert((from, sequence));
            if !is_valid {
                logs.push(voided(&message));
                continue;
            }
            executed.insert(sequence);
            *self.chain(at).fees.entry(from).or_default() += message.fee;
            if fails >> (index % 64) & 1 == 1 && message.kind != Kind::Control {
                logs.push(failed(&message));
                self.chain(at).failed.insert((from, sequence), message);
            } else {
                logs.extend(self.run(at, &message));
            }
        }
        let Some(first) = executed.first().copied() else { return self.transaction(at, logs) };
        let bitmap = executed.iter().fold(U256::ZERO, |bits, sequence| bits | U256::from(1) << (sequence - first));
        logs.push(range(at, from, first, bitmap));
        self.transaction(at, logs);
    }

    /// The logs of a recipient that succeeds, and what the naive ledger makes of it.
    fn run(&mut self, at: u64, message: &Message) -> Vec<VerifiedLog> {
        let mut logs = Vec::new();
        match message.kind {
            Kind::ValueFlow => self.chain(at).units += amount(message),
            Kind::Governance => logs.push(did(at, &Act::decode(message.payload.bytes()).unwrap())),
            Kind::Control => {
                let refusal = Refusal::decode(message.payload.bytes()).unwrap();
                let home = message.origin.chain.get();
                let own = self.chains[&at].sent[&home][refusal.sequence as usize].message.clone();
                if own.kind == Kind::ValueFlow {
                    self.chain(at).units += amount(&own);
                }
            }
            Kind::Generic | Kind::Mapping => {}
        }
        logs.push(delivered(message));
        logs
    }

    /// Retries what failed first.
    pub(super) fn retry(&mut self, at: u64) {
        let Some((_, message)) = self.chain(at).failed.pop_first() else { return };
        // The row that a governance act sets may have given way meanwhile; then nothing is logged.
        let mut logs = self.run(at, &message);
        if message.kind == Kind::Governance {
            logs.remove(0);
        }
        self.transaction(at, logs);
    }

    /// Gives up what failed first.
    pub(super) fn refuse(&mut self, at: u64) {
        let refusable = |message: &Message| !matches!(message.kind, Kind::Governance | Kind::Control);
        let found = self.chains[&at].failed.iter().find(|(_, message)| refusable(message)).map(|(key, _)| *key);
        let Some(message) = found.and_then(|key| self.chain(at).failed.remove(&key)) else { return };
        let control = self.refusal(at, &message);
        let logs = vec![self.send(control, true), refused(&message)];
        self.transaction(at, logs);
    }

    /// The message that tells home that `message` is given up at `at`.
    pub(super) fn refusal(&self, at: u64, message: &Message) -> Message {
        let home = message.origin;
        let payload = Refusal { sequence: message.sequence, id: message.id() }.encode();
        let control = self.next(at, home.chain.get(), Kind::Control, gateway_on(at).gateway, payload);
        Message { recipient: home.gateway, gas_limit: 0, ..control }
    }

    /// The chain's blocks: one a round, or where `is_cut` says so, one a transaction.
    pub(super) fn blocks(&self, id: u64, mut is_cut: impl FnMut(usize) -> bool) -> Vec<VerifiedBlock> {
        let mut blocks: Vec<Vec<Vec<VerifiedLog>>> = Vec::new();
        for (round, transactions) in self.chains[&id].rounds.iter().enumerate() {
            if is_cut(round) {
                blocks.extend(transactions.iter().map(|one| vec![one.clone()]));
            } else {
                blocks.push(transactions.clone());
            }
        }
        chained(blocks)
    }
}

fn amount(message: &Message) -> u64 {
    Transfer::decode(message.payload.bytes()).unwrap().amount.to()
}

/// Blocks of transactions of logs, from the deployment on.
pub(super) fn chained(blocks: Vec<Vec<Vec<VerifiedLog>>>) -> Vec<VerifiedBlock> {
    let transaction = |(transaction, logs): (u64, Vec<VerifiedLog>)| {
        logs.into_iter().map(move |log| VerifiedLog { transaction, ..log })
    };
    let flat = blocks.into_iter().map(|block| (0..).zip(block).flat_map(transaction).collect());
    super::gateway::blocks(flat)
}
