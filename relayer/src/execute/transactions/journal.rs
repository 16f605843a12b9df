//! Signed bytes on the bus, before anybody else sees them.

use std::time::Duration;

use alloy::primitives::{Address, Bytes, TxHash};
use metalayer_node::bus::{self, BusError, Offset, Stored};
use metalayer_proto::{
    envelope::{DeliveredRange, Envelope, TraceContext, TransactionRecord},
    ids::ChainId,
    topics::{Partition, Topic},
};

use super::signing::{self, Unsigned};
use crate::{assignment::Assignment, record::Records};

/// How many records are read at once.
const CHUNK: u64 = 64;

/// Bytes that were signed before, as the journal has them.
pub(super) struct Journaled {
    pub(super) offset: Offset,
    pub(super) hash: TxHash,
    pub(super) unsigned: Unsigned,
}

/// The journal of one destination's account.
pub(super) struct Journal {
    pub(super) chain: ChainId,
    pub(super) account: Address,
    pub(super) records: Records,
    pub(super) assignment: Assignment,
}

impl Journal {
    fn partition(&self) -> Partition {
        self.assignment.ownership.partition
    }

    /// Appends signed bytes; refused to one who has lost the partition.
    pub(super) async fn append(
        &self,
        nonce: u64,
        raw: Bytes,
        ranges: Vec<DeliveredRange>,
        trace: Option<TraceContext>,
    ) -> Result<Offset, BusError> {
        let record = TransactionRecord { chain: self.chain, nonce, raw, ranges };
        let value = Envelope { trace, record }.encode();
        let record = bus::Record { topic: Topic::Transactions, partition: self.partition(), key: Vec::new(), value };
        self.records.bus.append_owned(&self.assignment.ownership, record).await
    }

    /// The record of `hash` again, which was journaled at `offset`; `None` if the bus has another one there (I7).
    pub(super) async fn read(
        &self,
        offset: Offset,
        hash: TxHash,
    ) -> Result<Option<Envelope<TransactionRecord>>, BusError> {
        let bus = &self.records.bus;
        let stored = bus.read(Topic::Transactions, self.partition(), offset, 1, Duration::ZERO).await?;
        let Some(stored) = stored.first() else { return Ok(None) };
        let envelope = self.records.open::<TransactionRecord>(self.partition(), stored).await?;
        Ok(envelope.filter(|envelope| envelope.record.hash() == hash))
    }

    /// What the bus keeps.
    pub(super) async fn range(&self) -> Result<(Offset, Offset), BusError> {
        self.records.bus.range(Topic::Transactions, self.partition()).await
    }

    /// The last transactions before `end`, oldest first, and where they begin.
    pub(super) async fn before(&self, low: Offset, end: Offset) -> Result<(Offset, Vec<Journaled>), BusError> {
        let from = Offset(end.0.saturating_sub(CHUNK).max(low.0));
        let (mut next, mut found) = (from, Vec::new());
        while next < end {
            let limit = usize::try_from(end.0 - next.0).unwrap_or(usize::MAX);
            let batch =
                self.records.bus.read(Topic::Transactions, self.partition(), next, limit, Duration::ZERO).await?;
            let Some(last) = batch.last() else { break };
            next = Offset(last.offset.0 + 1);
            for stored in &batch {
                found.extend(self.open(stored).await?);
            }
        }
        Ok((from, found))
    }

    /// A record's transaction, if this account has signed it; others are counted and dead-lettered.
    async fn open(&self, stored: &Stored) -> Result<Option<Journaled>, BusError> {
        let Some(envelope) = self.records.open::<TransactionRecord>(self.partition(), stored).await? else {
            return Ok(None);
        };
        match signing::read(&envelope.record.raw, self.chain, self.account) {
            Ok((hash, unsigned)) => Ok(Some(Journaled { offset: stored.offset, hash, unsigned })),
            Err(error) => {
                let place = (Topic::Transactions, self.partition());
                self.records.refuse(place, stored, "not_ours", &error).await?;
                Ok(None)
            }
        }
    }
}
