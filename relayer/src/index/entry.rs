//! What the index says of one message.

use std::fmt;

use alloy::primitives::{Address, B256};
use metalayer_proto::{
    derivation::{JudgedMessage, Verdict},
    envelope::{BlockRecord, DeliveryRecord, MessageOutcome, TraceContext},
    ids::{ChainId, LaneId, MessageId},
    message::Kind,
};
use serde::{Deserialize, Serialize};

/// The most outcomes that are kept of one message: it can fail once, and be settled once.
const OUTCOMES_MAX: usize = 8;

/// One message, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageEntry {
    /// Its id.
    pub id: MessageId,
    /// Where it was sent.
    pub origin: ChainId,
    /// Where it goes.
    pub destination: ChainId,
    /// Its number in the lane.
    pub sequence: u64,
    /// How it left, once that was seen.
    pub sent: Option<SentEntry>,
    /// What became of it at its destination, oldest first.
    pub outcomes: Vec<OutcomeEntry>,
}

/// How a message left its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentEntry {
    /// The final block.
    pub block: u64,
    /// Its time, in Unix seconds.
    pub timestamp: u64,
    /// The transaction, as an endpoint says it.
    pub transaction: B256,
    /// What it is.
    pub kind: Kind,
    /// Who sent it.
    pub sender: Address,
    /// Who is to receive it.
    pub recipient: Address,
    /// Why it is void; `None`: it is valid.
    pub void: Option<String>,
    /// The trace that follows it, as W3C `traceparent`.
    pub trace: Option<String>,
}

/// What one final transaction did with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeEntry {
    /// `delivered`, `failed`, `void` or `skipped`.
    pub outcome: String,
    /// The final block.
    pub block: u64,
    /// The transaction.
    pub transaction: B256,
}

impl MessageEntry {
    /// An entry of which nothing is known yet.
    pub(super) const fn new(id: MessageId, lane: LaneId, sequence: u64) -> Self {
        let (origin, destination) = (lane.origin.chain, lane.destination.chain);
        Self { id, origin, destination, sequence, sent: None, outcomes: Vec::new() }
    }

    pub(super) fn was_sent(&mut self, block: &BlockRecord, judged: &JudgedMessage, trace: Option<&TraceContext>) {
        let message = &judged.message;
        self.sent = Some(SentEntry {
            block: block.commitment.block_number,
            timestamp: block.timestamp,
            transaction: judged.transaction_hash,
            kind: message.kind,
            sender: message.sender,
            recipient: message.recipient,
            void: match judged.verdict {
                Verdict::Valid => None,
                Verdict::Void(reason) => Some(reason.to_string()),
            },
            trace: trace.map(|trace| trace.traceparent().to_owned()),
        });
    }

    /// Takes note of an outcome; one that repeats changes nothing.
    pub(super) fn came_to(&mut self, record: &DeliveryRecord, outcome: &MessageOutcome) {
        let entry = OutcomeEntry {
            outcome: outcome.outcome.as_str().to_owned(),
            block: record.block_number,
            transaction: record.transaction,
        };
        if !self.outcomes.contains(&entry) && self.outcomes.len() < OUTCOMES_MAX {
            self.outcomes.push(entry);
        }
    }
}

impl fmt::Display for MessageEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "message   {}", self.id)?;
        write!(f, "lane      {} -> {}, sequence {}", self.origin, self.destination, self.sequence)?;
        match &self.sent {
            None => write!(f, "\nsent      not seen yet")?,
            Some(sent) => {
                write!(f, "\nsent      block {} at {}, transaction {}", sent.block, sent.timestamp, sent.transaction)?;
                write!(f, "\n          {} from {} to {}", sent.kind, sent.sender, sent.recipient)?;
                match &sent.void {
                    None => write!(f, "\njudged    valid")?,
                    Some(reason) => write!(f, "\njudged    void: {reason}")?,
                }
                sent.trace.iter().try_for_each(|trace| write!(f, "\ntrace     {trace}"))?;
            }
        }
        for OutcomeEntry { outcome, block, transaction } in &self.outcomes {
            write!(f, "\n{outcome:<9} block {block}, transaction {transaction}")?;
        }
        if self.outcomes.is_empty() { write!(f, "\noutcome   none in a final block yet") } else { Ok(()) }
    }
}
