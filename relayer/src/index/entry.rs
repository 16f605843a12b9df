//! What the index says of one message.

use std::fmt;

use alloy::primitives::{Address, B256};
use metalayer_proto::{
    derivation::{JudgedMessage, Verdict},
    envelope::{BlockRecord, DeliveryRecord, HomeRecord, MessageOutcome, Outcome, TraceContext},
    ids::{ChainId, LaneId, MessageId},
    message::{Kind, Message},
};
use serde::{Deserialize, Serialize};

/// The most outcomes that are kept of one message: it can fail once, be settled once, come home once, and be reclaimed in two parts.
const OUTCOMES_MAX: usize = 8;

/// The word for a refusal that is home, and for what was given back.
const HOME: &str = "home";
const RECLAIMED: &str = "reclaimed";

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
    /// What became of it, oldest first.
    pub outcomes: Vec<OutcomeEntry>,
}

/// How a message left its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentEntry {
    /// Where; `None` if the origin was begun behind it.
    #[serde(flatten)]
    pub at: Option<SentAt>,
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

/// Where a message left its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentAt {
    /// The final block.
    pub block: u64,
    /// Its time, in Unix seconds.
    pub timestamp: u64,
    /// The transaction, as an endpoint says it.
    pub transaction: B256,
}

/// What one final transaction did with a message, at either end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeEntry {
    /// At its destination `delivered`, `failed`, `void` or `refused`; at its origin `home` (its refusal is there) or `reclaimed`.
    pub outcome: String,
    /// What was given back, if it was reclaimed: `value`, `fee` or `value and fee`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave: Option<String>,
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
            at: Some(SentAt {
                block: block.commitment.block_number,
                timestamp: block.timestamp,
                transaction: judged.transaction_hash,
            }),
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

    /// What is known of a message that was open where its origin was begun.
    pub(super) fn was_open(message: &Message, is_void: bool) -> Self {
        let sent = SentEntry {
            at: None,
            kind: message.kind,
            sender: message.sender,
            recipient: message.recipient,
            void: is_void.then(|| "a quorum says so; its origin's earlier history says why".to_owned()),
            trace: None,
        };
        Self { sent: Some(sent), ..Self::new(message.id(), message.lane(), message.sequence) }
    }

    /// Takes note of an outcome at its destination.
    pub(super) fn came_to(&mut self, record: &DeliveryRecord, outcome: &MessageOutcome) {
        let (block, transaction) = (record.block_number, record.transaction);
        self.add(OutcomeEntry { outcome: outcome.outcome.as_str().to_owned(), gave: None, block, transaction });
    }

    /// Takes note that its refusal is home.
    pub(super) fn came_home(&mut self, record: &HomeRecord) {
        let (block, transaction) = (record.block_number, record.transaction);
        self.add(OutcomeEntry { outcome: HOME.to_owned(), gave: None, block, transaction });
    }

    /// Takes note of what was given back of it.
    pub(super) fn was_reclaimed(&mut self, record: &HomeRecord, value: bool, fee: bool) {
        let gave = match (value, fee) {
            (true, true) => "value and fee",
            (true, false) => "value",
            (false, true) => "fee",
            (false, false) => "nothing",
        };
        let (block, transaction) = (record.block_number, record.transaction);
        self.add(OutcomeEntry { outcome: RECLAIMED.to_owned(), gave: Some(gave.to_owned()), block, transaction });
    }

    /// Whether it was delivered.
    pub fn is_delivered(&self) -> bool {
        self.came_once(Outcome::Delivered.as_str())
    }

    /// Whether its refusal is home.
    pub fn is_home(&self) -> bool {
        self.came_once(HOME)
    }

    /// Whether it was judged void.
    pub fn is_void(&self) -> bool {
        self.sent.as_ref().is_some_and(|sent| sent.void.is_some())
    }

    fn came_once(&self, outcome: &str) -> bool {
        self.outcomes.iter().any(|one| one.outcome == outcome)
    }

    /// One that repeats changes nothing.
    fn add(&mut self, entry: OutcomeEntry) {
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
                match sent.at {
                    Some(SentAt { block, timestamp, transaction }) => {
                        write!(f, "\nsent      block {block} at {timestamp}, transaction {transaction}")?;
                    }
                    None => write!(f, "\nsent      before this relayer began")?,
                }
                write!(f, "\n          {} from {} to {}", sent.kind, sent.sender, sent.recipient)?;
                match &sent.void {
                    None => write!(f, "\njudged    valid")?,
                    Some(reason) => write!(f, "\njudged    void: {reason}")?,
                }
                sent.trace.iter().try_for_each(|trace| write!(f, "\ntrace     {trace}"))?;
            }
        }
        for OutcomeEntry { outcome, gave, block, transaction } in &self.outcomes {
            write!(f, "\n{outcome:<9} block {block}, transaction {transaction}")?;
            gave.iter().try_for_each(|gave| write!(f, ": {gave}"))?;
        }
        if self.outcomes.is_empty() { write!(f, "\noutcome   none in a final block yet") } else { Ok(()) }
    }
}
