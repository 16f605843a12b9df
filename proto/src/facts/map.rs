//! All facts of an origin under one root: a sparse Merkle map that shares its unchanged parts with its clones.

use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};

use super::{
    Credited, FIRST_RULES_VERSION, Fact, FactError, FactKey, FactProof, ModuleRow, Namespace, Route, goes_right,
};
use crate::{
    ids::{ChainId, GatewayId, MessageId},
    lane::node,
};

/// A map from what facts are about to facts. Cloning is cheap; a change hashes one path.
#[derive(Debug, Clone, Default)]
pub struct FactsMap {
    root: Subtree,
    len: usize,
}

type Subtree = Option<Arc<Node>>;

#[derive(Debug)]
enum Node {
    Leaf {
        key: B256,
        fact: Fact,
        hash: B256,
    },
    /// At least two facts, so that at most one side is empty.
    Branch {
        left: Subtree,
        right: Subtree,
        hash: B256,
    },
}

/// One fact as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotEntry {
    /// The namespace.
    pub namespace: Namespace,
    /// The canonical key bytes.
    pub key: Vec<u8>,
    /// The canonical value bytes.
    pub value: Vec<u8>,
}

/// Why entries are no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// An entry is no fact.
    #[error("entry {index} of the snapshot: {error}")]
    Entry {
        /// Which entry.
        index: usize,
        /// What is wrong with it.
        #[source]
        error: FactError,
    },
    /// Not strictly ascending by the hash of the key.
    #[error("entry {0} of the snapshot is not above the one before it")]
    Order(usize),
}

impl FactsMap {
    /// The facts root; zero without facts.
    pub fn root(&self) -> B256 {
        hash(&self.root)
    }

    /// How many facts there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no facts.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The fact about `key`.
    pub fn get(&self, key: &FactKey) -> Option<&Fact> {
        let key = key.hash();
        let mut subtree = &self.root;
        for level in 0.. {
            match subtree.as_deref()? {
                Node::Leaf { key: found, fact, .. } => return (*found == key).then_some(fact),
                Node::Branch { left, right, .. } => subtree = if goes_right(key, level) { right } else { left },
            }
        }
        None
    }

    /// The policy of the lane to `destination`.
    pub fn route(&self, destination: ChainId) -> Option<&Route> {
        match self.get(&FactKey::Route(destination))? {
            Fact::Route { route, .. } => Some(route),
            _ => None,
        }
    }

    /// What `contract` on `chain` is, if it is a module's.
    pub fn module(&self, chain: ChainId, contract: Address) -> Option<&ModuleRow> {
        self.module_row(chain, contract).filter(|row| !row.is_removed())
    }

    /// The version of the row of `contract` on `chain`, removed ones included; 0 if there never was one.
    pub fn module_version(&self, chain: ChainId, contract: Address) -> u64 {
        self.module_row(chain, contract).map_or(0, |row| row.version)
    }

    fn module_row(&self, chain: ChainId, contract: Address) -> Option<&ModuleRow> {
        match self.get(&FactKey::Module { chain, contract })? {
            Fact::Module { row, .. } => Some(row),
            _ => None,
        }
    }

    /// How many units of `asset` the origin rightfully holds; `None` if it never held any.
    pub fn units(&self, asset: B256) -> Option<U256> {
        match self.get(&FactKey::Ledger(asset))? {
            Fact::Ledger { units, .. } => Some(*units),
            _ => None,
        }
    }

    /// Which arrivals from `origin` were taken, if any was.
    pub fn credited(&self, origin: GatewayId) -> Option<&Credited> {
        match self.get(&FactKey::Credited(origin))? {
            Fact::Credited { credited, .. } => Some(credited),
            _ => None,
        }
    }

    /// The arrival `sequence` from `origin`, if it failed and waits.
    pub fn failed(&self, origin: GatewayId, sequence: u64) -> Option<MessageId> {
        match self.get(&FactKey::Failed { origin, sequence })? {
            Fact::Failed { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// The sequences of all arrivals from `origin` that failed and wait.
    pub fn failures_of(&self, origin: GatewayId) -> impl Iterator<Item = u64> {
        self.iter().filter_map(move |fact| match fact {
            Fact::Failed { origin: from, sequence, .. } if *from == origin => Some(*sequence),
            _ => None,
        })
    }

    /// All that `executor` earned by delivering from `origin`.
    pub fn fees(&self, origin: GatewayId, executor: Address) -> U256 {
        match self.get(&FactKey::Fees { origin, executor }) {
            Some(Fact::Fees { total, .. }) => *total,
            _ => U256::ZERO,
        }
    }

    /// The rules version in force.
    pub fn rules_version(&self) -> u32 {
        match self.get(&FactKey::Rules) {
            Some(Fact::Rules(version)) => *version,
            _ => FIRST_RULES_VERSION,
        }
    }

    /// Remembers `fact` instead of what was remembered about the same.
    pub fn insert(&mut self, fact: Fact) {
        if self.get(&fact.key()).is_none() {
            self.len += 1;
        }
        let (key, hash) = (fact.key().hash(), fact.leaf());
        self.root = Some(insert(self.root.take(), key, Arc::new(Node::Leaf { key, fact, hash }), 0));
    }

    /// Forgets what is remembered about `key`; whether there was anything.
    pub fn remove(&mut self, key: &FactKey) -> bool {
        if self.get(key).is_none() {
            return false;
        }
        self.root = remove(self.root.take(), key.hash(), 0);
        self.len -= 1;
        true
    }

    /// The fact about `key` and the proof that it stands under the root.
    pub fn prove(&self, key: &FactKey) -> Option<(&Fact, FactProof)> {
        let key = key.hash();
        let mut siblings = Vec::new();
        let mut subtree = &self.root;
        loop {
            match subtree.as_deref()? {
                Node::Leaf { key: found, .. } if *found != key => return None,
                Node::Leaf { fact, .. } => {
                    siblings.reverse();
                    return Some((fact, FactProof { siblings }));
                }
                Node::Branch { left, right, .. } => {
                    let right_side = goes_right(key, siblings.len());
                    siblings.push(hash(if right_side { left } else { right }));
                    subtree = if right_side { right } else { left };
                }
            }
        }
    }

    /// All facts, ascending by the hash of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        let mut waiting: Vec<_> = self.root.as_deref().into_iter().collect();
        std::iter::from_fn(move || {
            loop {
                match waiting.pop()? {
                    Node::Leaf { fact, .. } => return Some(fact),
                    Node::Branch { left, right, .. } => {
                        waiting.extend(right.as_deref().into_iter().chain(left.as_deref()));
                    }
                }
            }
        })
    }

    /// All facts as they travel.
    pub fn snapshot(&self) -> Vec<SnapshotEntry> {
        let entry = |fact: &Fact| {
            let key = fact.key();
            SnapshotEntry { namespace: key.namespace(), key: key.to_bytes(), value: fact.value() }
        };
        self.iter().map(entry).collect()
    }

    /// Reads [`Self::snapshot`], strictly. Whoever calls this compares the root.
    pub fn from_snapshot(entries: &[SnapshotEntry]) -> Result<Self, SnapshotError> {
        let mut map = Self::default();
        let mut last = None;
        for (index, SnapshotEntry { namespace, key, value }) in entries.iter().enumerate() {
            let fact = Fact::decode(*namespace, key, value).map_err(|error| SnapshotError::Entry { index, error })?;
            let hash = Some(fact.key().hash());
            if hash <= last {
                return Err(SnapshotError::Order(index));
            }
            last = hash;
            map.insert(fact);
        }
        Ok(map)
    }
}

fn hash(subtree: &Subtree) -> B256 {
    match subtree.as_deref() {
        None => B256::ZERO,
        Some(Node::Leaf { hash, .. } | Node::Branch { hash, .. }) => *hash,
    }
}

fn branch(left: Subtree, right: Subtree) -> Arc<Node> {
    let hash = node(hash(&left), hash(&right));
    Arc::new(Node::Branch { left, right, hash })
}

fn insert(subtree: Subtree, key: B256, leaf: Arc<Node>, level: usize) -> Arc<Node> {
    let Some(found) = subtree else { return leaf };
    let (left, right) = match &*found {
        Node::Leaf { key: same, .. } if *same == key => return leaf,
        Node::Leaf { key: other, .. } if goes_right(*other, level) => (None, Some(found)),
        Node::Leaf { .. } => (Some(found), None),
        Node::Branch { left, right, .. } => (left.clone(), right.clone()),
    };
    if goes_right(key, level) {
        branch(left, Some(insert(right, key, leaf, level + 1)))
    } else {
        branch(Some(insert(left, key, leaf, level + 1)), right)
    }
}

/// `key` is in `subtree`.
fn remove(subtree: Subtree, key: B256, level: usize) -> Subtree {
    let Node::Branch { left, right, .. } = subtree.as_deref()? else { return None };
    let (left, right) = if goes_right(key, level) {
        (left.clone(), remove(right.clone(), key, level + 1))
    } else {
        (remove(left.clone(), key, level + 1), right.clone())
    };
    match (&left, &right) {
        // A lone fact stands for its subtree, whatever the height.
        (Some(lone), None) | (None, Some(lone)) if matches!(**lone, Node::Leaf { .. }) => Some(lone.clone()),
        _ => Some(branch(left, right)),
    }
}
