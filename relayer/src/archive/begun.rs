//! Where origins were begun at a proof of another relayer's, and what of their lanes was open there.
//!
//! The watcher, the aggregator and the index go on from there, after each start anew: nothing of it has to be on the bus.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use metalayer_node::store::{Change, StoreError, Table, clear};
use metalayer_proto::{
    derivation::LeafId,
    ids::{ChainId, GatewayId, LaneId},
    item::Item,
    lane::Frontier,
    lanes::LaneState,
    message::Message,
    served::{LeafContent, ProvenSnapshot, ServedLeaf},
};

use super::{Archive, ArchiveError, BODIES, lane_key, leaf_key};

/// By origin: its height, and of each lane the destination, the first sequence that was open and the count; 8 bytes a number.
pub(super) const BEGUN: Table = Table("begun");

/// How many messages are read at once.
const PAGE: usize = 1_000;

/// A lane as it stood where its origin was begun.
#[derive(Debug)]
pub struct BegunLane {
    /// Its count and root.
    pub state: LaneState,
    /// The lane before what was open.
    pub before: Frontier,
    /// From there on an item a leaf: what was open with its body, as far as that is still here.
    pub items: Vec<Item>,
}

/// A record of [`BEGUN`].
struct Begun {
    height: u64,
    /// The first sequence that was open and the count, by destination.
    lanes: BTreeMap<GatewayId, (u64, u64)>,
}

impl Archive {
    /// Begins a lane: what `before` sums up is settled, the leaves after it are known.
    pub fn begin_lane(&self, lane: LaneId, before: &Frontier, leaves: &[B256]) -> Result<(), ArchiveError> {
        self.lanes.begin(lane, before)?;
        Ok(self.lanes.append(lane, before.count(), leaves)?)
    }

    /// Keeps messages that were shown, by sequence, among the first `count` of a lane that has begun.
    pub fn begin_messages(&self, lane: LaneId, count: u64, shown: &[(u64, ServedLeaf)]) -> Result<(), ArchiveError> {
        let mut leaves = Vec::with_capacity(shown.len());
        let mut changes = Vec::with_capacity(shown.len());
        for (sequence, served) in shown {
            leaves.push((*sequence, item_of(&served.content)?.leaf(), &served.path));
            changes.push(Change::Put(
                BODIES,
                leaf_key(LeafId { lane, sequence: *sequence }),
                served.content.to_bytes(),
            ));
        }
        self.lanes.learn(lane, count, &leaves)?;
        Ok(self.store.write(changes)?)
    }

    /// Takes note of where an origin was begun, after all its lanes; `first` says of each what was open.
    pub fn begin(&self, start: &ProvenSnapshot, first: &BTreeMap<GatewayId, u64>) -> Result<(), ArchiveError> {
        let lanes = start.snapshot.lane_states().into_iter().map(|lane| {
            let first = first.get(&lane.destination).copied().unwrap_or(lane.count);
            (lane.destination, (first, lane.count))
        });
        let commitment = &start.proven.commitment;
        let begun = Begun { height: commitment.block_number, lanes: lanes.collect() };
        self.store.write(vec![Change::Put(BEGUN, commitment.origin.to_bytes().to_vec(), begun.to_bytes())])?;
        self.serve(start)
    }

    /// The height at which an origin was begun; `None`: at its deployment.
    pub fn begun_at(&self, origin: GatewayId) -> Result<Option<u64>, ArchiveError> {
        Ok(self.begun(origin)?.map(|begun| begun.height))
    }

    fn begun(&self, origin: GatewayId) -> Result<Option<Begun>, ArchiveError> {
        let Some(bytes) = self.store.get(BEGUN, &origin.to_bytes())? else { return Ok(None) };
        Begun::from_bytes(&bytes).map(Some).ok_or_else(|| ArchiveError::Damaged("where an origin was begun".into()))
    }

    /// The lanes of an origin as they stood where it was begun, and that height; `None`: it was begun at its deployment.
    pub fn begun_lanes(&self, origin: GatewayId) -> Result<Option<(u64, Vec<BegunLane>)>, ArchiveError> {
        let Some(Begun { height, lanes }) = self.begun(origin)? else { return Ok(None) };
        let lane = |(destination, (first, count))| self.begun_lane(LaneId { origin, destination }, first, count);
        Ok(Some((height, lanes.into_iter().map(lane).collect::<Result<_, _>>()?)))
    }

    fn begun_lane(&self, lane: LaneId, first: u64, count: u64) -> Result<BegunLane, ArchiveError> {
        let root = self.lanes.frontier(lane, count)?.root();
        let mut items: Vec<_> = self.lanes.leaves(lane, first, count)?.into_iter().map(Item::Leaf).collect();
        self.each_message(lane, first..count, |sequence, content| {
            let place = usize::try_from(sequence - first).ok().and_then(|at| items.get_mut(at));
            if let Some(place) = place {
                *place = item_of(&content)?;
            }
            Ok(())
        })?;
        let state = LaneState { destination: lane.destination, count, root };
        Ok(BegunLane { state, before: self.lanes.frontier(lane, first)?, items })
    }

    /// Gives each message that was open where its origin was begun, and is still here, to `take`, with how many its lane had.
    pub fn each_open(
        &self,
        origin: GatewayId,
        mut take: impl FnMut(LeafId, u64, LeafContent) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        for (destination, (_, count)) in self.begun(origin)?.map(|begun| begun.lanes).unwrap_or_default() {
            let lane = LaneId { origin, destination };
            self.each_message(lane, 0..count, |sequence, content| take(LeafId { lane, sequence }, count, content))?;
        }
        Ok(())
    }

    fn each_message(
        &self,
        lane: LaneId,
        range: std::ops::Range<u64>,
        mut take: impl FnMut(u64, LeafContent) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let mut next = range.start;
        loop {
            let from = leaf_key(LeafId { lane, sequence: next });
            let page = self.store.scan(BODIES, &lane_key(lane), &from, PAGE)?;
            for (key, content) in &page {
                let sequence = key.last_chunk().map_or(u64::MAX, |sequence| u64::from_be_bytes(*sequence));
                if sequence >= range.end {
                    return Ok(());
                }
                take(sequence, super::read_content(content)?)?;
                next = sequence + 1;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Forgets the lanes of an origin that was begun at a proof: it is to begin elsewhere.
    pub fn forget(&self, origin: GatewayId) -> Result<(), StoreError> {
        let key = origin.to_bytes();
        self.lanes.forget(origin)?;
        clear(self.store.as_ref(), BODIES, &key)?;
        self.store.write(vec![Change::Delete(BEGUN, key.to_vec())])
    }
}

fn item_of(content: &LeafContent) -> Result<Item, ArchiveError> {
    let (LeafContent::Message(bytes) | LeafContent::Void(bytes)) = content;
    let message = Message::decode(bytes).map_err(|error| ArchiveError::Damaged(error.to_string()))?;
    Ok(match content {
        LeafContent::Message(_) => Item::Message(Box::new(message)),
        LeafContent::Void(_) => Item::Void(message.id()),
    })
}

impl Begun {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.height.to_be_bytes().to_vec();
        for (destination, (first, count)) in &self.lanes {
            bytes.extend(destination.to_bytes());
            bytes.extend(first.to_be_bytes());
            bytes.extend(count.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        const LANE_LEN: usize = GatewayId::LEN + 16;
        let (height, lanes) = bytes.split_first_chunk()?;
        let lane = |bytes: &[u8]| {
            let (chain, rest) = bytes.split_first_chunk()?;
            let (gateway, rest) = rest.split_first_chunk::<20>()?;
            let (first, count) = rest.split_first_chunk()?;
            let chain = ChainId::new(u64::from_be_bytes(*chain)).ok()?;
            let destination = GatewayId { chain, gateway: Address::from(*gateway) };
            Some((destination, (u64::from_be_bytes(*first), u64::from_be_bytes(*count.first_chunk()?))))
        };
        let lanes = lanes.chunks(LANE_LEN).map(lane).collect::<Option<_>>()?;
        Some(Self { height: u64::from_be_bytes(*height), lanes })
    }
}
