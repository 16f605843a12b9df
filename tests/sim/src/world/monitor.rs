//! Sees every effect as it happens, and holds it against the invariants ([`super::invariant::CHECKS`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::primitives::{B256, Bytes, keccak256};
use attester::guard;
use devnet::equation::Equation;
use metalayer_node::{
    bus::{KEY_BYTES_MAX, RECORD_BYTES_MAX, Record, Stored},
    store::Store,
};
use metalayer_proto::{
    batch::{Attestation, TransportBatch},
    envelope::{BlockRecord, Cursor, DeadLetter, DeliveryRecord, Envelope, ReadyRecord, TransactionRecord},
    ids::{GatewayId, LaneId, NetworkId},
    item::Item,
    lane::Frontier,
    lanes::{LaneState, LanesTree},
    topics::Topic,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    account::Account,
    invariant::Invariant,
    process::{Disks, Machine},
    trace::Trace,
};
use crate::founding::Founded;

/// Every machine's disks, as they are now.
pub(super) type AllDisks = Arc<Mutex<BTreeMap<Machine, Disks>>>;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub how: String,
}

/// Sees everything.
pub struct Monitor {
    network: NetworkId,
    trace: Trace,
    disks: AllDisks,
    secrets: Vec<Vec<u8>>,
    watched: Mutex<Watched>,
}

struct Watched {
    account: Account,
    /// What was posted, by attester, origin and height.
    posted: BTreeMap<(usize, GatewayId, u64), B256>,
    /// Each lane's root at each count.
    roots: BTreeMap<(LaneId, u64), B256>,
    /// What is on the bus: messages by place, and outcomes by the message's id and the outcome's word.
    sent: BTreeSet<(LaneId, u64)>,
    outcomes: BTreeSet<(B256, &'static str)>,
    /// The signed transactions in the journals.
    journaled: BTreeSet<Bytes>,
    broken: Option<Broken>,
}

impl Monitor {
    pub(super) fn new(founded: &Founded, trace: Trace, disks: AllDisks) -> Arc<Self> {
        let mut secrets = vec![founded.executor.to_bytes().to_vec()];
        secrets.extend(founded.attesters.iter().map(|one| one.signer().secret_key().to_bytes().to_vec()));
        let digits: Vec<_> = secrets.iter().map(|secret| alloy::hex::encode(secret).into_bytes()).collect();
        secrets.extend(digits);
        let watched = Watched {
            account: Account::of(founded),
            posted: BTreeMap::new(),
            roots: BTreeMap::new(),
            sent: BTreeSet::new(),
            outcomes: BTreeSet::new(),
            journaled: BTreeSet::new(),
            broken: None,
        };
        Arc::new(Self { network: founded.network.id(), trace, disks, secrets, watched: Mutex::new(watched) })
    }

    /// The first promise that was broken.
    pub fn broken(&self) -> Option<Broken> {
        self.lock().broken.clone()
    }

    /// What was sent and what became of it.
    pub(super) fn account<T>(&self, look: impl FnOnce(&mut Account) -> T) -> T {
        look(&mut self.lock().account)
    }

    /// A promise is broken.
    pub(super) fn breaks(&self, invariant: u8, how: String) {
        self.lock().breaks(&self.trace, invariant, how);
    }

    /// A chain has another block, or took some back.
    pub(super) fn chain_changed(&self, place: usize) {
        let mut watched = self.lock();
        if let Err(problem) = watched.account.follow(place) {
            watched.breaks(&self.trace, 7, problem);
        }
        let (history, supplies) = (watched.account.history(), watched.account.supplies());
        let equation = Equation::of(supplies, &history);
        if equation.off() != watched.account.made_up {
            watched.breaks(&self.trace, 4, equation.to_string());
        }
        let audit = watched.account.audit(&history);
        for (invariant, what, ids) in [
            (3, "delivered more than once", &audit.doubled),
            (3, "given back twice, or given back and delivered", &audit.paid_twice),
            (3, "out of order", &audit.out_of_order),
            (7, "settled although never sent", &audit.invented),
            (7, "judged wrongly", &audit.misjudged),
            (7, "failed although its recipient takes everything", &audit.wrongly_failed),
        ] {
            if let Some(id) = ids.first() {
                watched.breaks(&self.trace, invariant, format!("message {id} is {what}"));
            }
        }
        for (lane, count, root) in watched.account.accepted() {
            watched.root(&self.trace, lane, count, root, "an accepted root");
        }
    }

    /// A batch leaves an attester.
    pub(super) fn posted(&self, attester: usize, batch: &[u8]) {
        self.hold_secret(batch, "a batch");
        let Ok((_, batch)) = TransportBatch::open(batch, self.network, |_| true) else {
            return self.breaks(6, format!("attester {attester} posts what is no batch"));
        };
        let disk = self.disks.lock().unwrap_or_else(PoisonError::into_inner);
        let disk = disk.get(&Machine::Attester(attester)).map(|disks| disks.first.clone());
        let recorded = disk.map(|disk| disk.scan(guard::TABLE, b"s", b"s", usize::MAX).unwrap_or_default());
        for attestation in &batch.attestations {
            let mut watched = self.lock();
            watched.posts(&self.trace, attester, attestation);
            let Attestation { commitment, .. } = attestation;
            let (height, digest) = ((!commitment.block_number).to_be_bytes(), commitment.digest());
            let is_record = |(key, value): &(Vec<u8>, Vec<u8>)| key.ends_with(&height) && value == digest.as_slice();
            if !recorded.iter().flatten().any(is_record) {
                let how = format!("attester {attester} posts {digest}, which is not on its disk");
                watched.breaks(&self.trace, 2, how);
            }
        }
    }

    /// A record is on the bus.
    pub(super) fn published(&self, record: &Record) {
        self.hold_secret(&record.value, record.topic.name());
        let mut watched = self.lock();
        if record.value.len() > RECORD_BYTES_MAX || record.key.len() > KEY_BYTES_MAX {
            watched.breaks(&self.trace, 8, format!("a record of {} bytes on {}", record.value.len(), record.topic));
        }
        match record.topic {
            Topic::Messages => watched.take_block(&self.trace, &record.value),
            Topic::Deliveries => watched.take_outcomes(&record.value),
            Topic::Transactions => watched.take_journal(&record.value),
            Topic::Cursors => watched.take_cursor(&self.trace, &record.value),
            Topic::DeadLetter => match Envelope::<DeadLetter>::decode(&record.value) {
                Ok(letter) if !letter.record.reason.is_empty() && !letter.record.detail.is_empty() => {
                    watched.account.dead_letters += 1;
                }
                _ => watched.breaks(&self.trace, 11, "a dead letter says nothing".to_owned()),
            },
            _ => {}
        }
    }

    /// A relayer broadcasts a transaction.
    pub(super) fn broadcast(&self, raw: &Value) {
        let raw = Bytes::deserialize(raw).unwrap_or_default();
        if !self.lock().journaled.contains(&raw) {
            self.breaks(0, format!("transaction {} is broadcast before it is in the journal", keccak256(&raw)));
        }
    }

    /// An executor says that it needs these records no more.
    pub(super) fn unneeded(&self, ready: &[Stored]) {
        let watched = self.lock();
        let settled = watched.account.settled_for_good();
        let open = ready.iter().flat_map(messages_of).find(|place| !settled.contains(place));
        drop(watched);
        if let Some((lane, sequence)) = open {
            self.breaks(1, format!("message {sequence} of {lane:?} is ready below a low-water mark, and not settled"));
        }
    }

    fn hold_secret(&self, bytes: &[u8], what: &str) {
        let held = |secret: &Vec<u8>| bytes.windows(secret.len()).any(|window| window == secret.as_slice());
        if self.secrets.iter().any(held) {
            self.breaks(12, format!("a secret key is in {what}"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn breaks(&mut self, trace: &Trace, invariant: u8, how: String) {
        let invariant = Invariant(invariant);
        trace.note("monitor", format_args!("{invariant} is broken: {how}"));
        self.broken.get_or_insert(Broken { invariant, how });
    }

    fn posts(&mut self, trace: &Trace, attester: usize, attestation: &Attestation) {
        let commitment = &attestation.commitment;
        let (origin, height, digest) = (commitment.origin, commitment.block_number, commitment.digest());
        let first = *self.posted.entry((attester, origin, height)).or_insert(digest);
        if first != digest {
            self.breaks(
                trace,
                2,
                format!("attester {attester} posted {first}, and now {digest}, of {origin} at {height}"),
            );
        }
        match self.account.final_hash(origin, height) {
            Some(hash) if hash == commitment.block_hash => {}
            other => {
                let how = format!(
                    "attester {attester} attests {origin} {height} {}, and final is {other:?}",
                    commitment.block_hash
                );
                self.breaks(trace, 5, how);
            }
        }
        match self.account.lanes_at(origin, height) {
            Some(lanes) => {
                for lane in &lanes {
                    let id = LaneId { origin, destination: lane.destination };
                    self.root(trace, id, lane.count, lane.root, "an attestation");
                }
                let root = LanesTree::new(lanes).map(|tree| tree.root());
                if root.as_ref().ok() != Some(&commitment.lanes_root) {
                    let how = format!(
                        "attester {attester} attests lanes {} of {origin} {height}, and they are {root:?}",
                        commitment.lanes_root
                    );
                    self.breaks(trace, 6, how);
                }
            }
            None => self.breaks(trace, 6, format!("{origin} is no origin")),
        }
    }

    fn root(&mut self, trace: &Trace, lane: LaneId, count: u64, root: B256, what: &str) {
        let first = *self.roots.entry((lane, count)).or_insert(root);
        if first != root {
            let how = format!("{what} says that {count} messages of {lane:?} have root {root}, and they had {first}");
            self.breaks(trace, 13, how);
        }
    }

    fn take_block(&mut self, trace: &Trace, value: &[u8]) {
        let Ok(Envelope { record, .. }) = Envelope::<BlockRecord>::decode(value) else { return };
        let origin = record.commitment.origin;
        for LaneState { destination, count, root } in record.lanes {
            self.root(trace, LaneId { origin, destination }, count, root, "a watcher");
        }
        for message in record.changes.iter().flat_map(|change| &change.messages) {
            self.sent.insert((message.message.lane(), message.message.sequence));
        }
    }

    fn take_outcomes(&mut self, value: &[u8]) {
        let Ok(Envelope { record, .. }) = Envelope::<DeliveryRecord>::decode(value) else { return };
        self.outcomes.extend(record.outcomes.iter().map(|one| (one.id.0, one.outcome.as_str())));
    }

    fn take_journal(&mut self, value: &[u8]) {
        if let Ok(Envelope { record, .. }) = Envelope::<TransactionRecord>::decode(value) {
            self.journaled.insert(record.raw);
        }
    }

    fn take_cursor(&mut self, trace: &Trace, value: &[u8]) {
        let Ok(Envelope { record: Cursor { chain, next_block, .. }, .. }) = Envelope::<Cursor>::decode(value) else {
            return;
        };
        let (sent, outcomes) = self.account.below(chain, next_block);
        let lost = sent.iter().find(|place| !self.sent.contains(*place));
        if let Some((lane, sequence)) = lost {
            let how = format!(
                "the cursor of {chain} is at {next_block}, and message {sequence} of {lane:?} is not on the bus"
            );
            self.breaks(trace, 1, how);
        }
        if let Some((id, word)) = outcomes.iter().find(|outcome| !self.outcomes.contains(*outcome)) {
            let how = format!("the cursor of {chain} is at {next_block}, and that {id} was {word} is not on the bus");
            self.breaks(trace, 1, how);
        }
    }
}

/// The messages that a ready record carries.
fn messages_of(stored: &Stored) -> Vec<(LaneId, u64)> {
    let Ok(Envelope { record: ReadyRecord::Deliver(deliver), .. }) = Envelope::<ReadyRecord>::decode(&stored.value)
    else {
        return Vec::new();
    };
    let lane = LaneId { origin: deliver.commitment.origin, destination: deliver.lane.destination };
    let carried = (deliver.before.count()..).zip(&deliver.items).filter(|(_, item)| matches!(item, Item::Message(_)));
    carried.map(|(sequence, _)| (lane, sequence)).collect()
}

/// The lane's state after these leaves.
pub(super) fn lane_of(destination: GatewayId, leaves: impl IntoIterator<Item = B256>) -> LaneState {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        // A run sends far fewer than a lane can have.
        let _ = frontier.append(leaf);
    }
    LaneState { destination, count: frontier.count(), root: frontier.root() }
}
