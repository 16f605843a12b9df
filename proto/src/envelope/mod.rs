//! Envelopes: what a record on the bus is made of.
//!
//! Protobuf (`proto/metalayer/v1/envelope.proto`) carries the canonical bytes of everything that is signed. **The bus is
//! untrusted** (I7): [`Envelope::decode`] checks every length and bound, and whatever a record can be checked against
//! itself for. Whether attesters signed it is its reader's to check.

mod action;
mod attestation;
mod block;
mod cursor;
mod dead_letter;
mod delivery;
mod error;
mod field;
mod home;
mod ready;
#[cfg(test)]
mod tests;
mod trace;
mod transaction;

use prost::Message as _;

pub use action::{Action, ClaimFees, LoadChunk, Reclaim, ReclaimVoid};
pub use attestation::{AttestationRecord, ProofRecord};
pub use block::BlockRecord;
pub use cursor::Cursor;
pub use dead_letter::DeadLetter;
pub use delivery::{DeliveryRecord, MessageOutcome, Outcome};
pub use error::EnvelopeError;
pub use home::{HomeEvent, HomeRecord};
pub use ready::{Deliver, ReadyRecord};
pub use trace::{InvalidTrace, TraceContext};
pub use transaction::{DeliveredRange, TransactionRecord};

use crate::topics::Topic;

/// The schema that this code writes, and the only one it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The longest envelope that is read, in bytes.
pub const ENVELOPE_LEN_MAX: usize = 8 * 1024 * 1024;

/// The schema's generated code; the rest of the program sees typed records only.
mod wire {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/metalayer.v1.rs"));
}

mod sealed {
    use super::{EnvelopeError, wire};

    pub trait Wire: Sized {
        fn to_wire(&self) -> wire::envelope::Body;
        fn from_wire(body: wire::envelope::Body) -> Result<Self, EnvelopeError>;
    }
}

/// A kind of record; each topic has one.
pub trait Record: sealed::Wire {
    /// Where records of this kind travel.
    const TOPIC: Topic;
}

/// Says which body a record is on the wire, and on which topic it travels.
macro_rules! record {
    ($record:ident, $body:ident, $topic:ident) => {
        impl sealed::Wire for $record {
            fn to_wire(&self) -> wire::envelope::Body {
                wire::envelope::Body::$body(self.into())
            }

            fn from_wire(body: wire::envelope::Body) -> Result<Self, EnvelopeError> {
                match body {
                    wire::envelope::Body::$body(body) => body.try_into(),
                    _ => Err(EnvelopeError::Body { expected: Topic::$topic }),
                }
            }
        }

        impl Record for $record {
            const TOPIC: Topic = Topic::$topic;
        }
    };
}

record!(Cursor, Cursor, Cursors);
record!(BlockRecord, Block, Messages);
record!(AttestationRecord, Attestation, Attestations);
record!(ProofRecord, Proof, Proofs);
record!(ReadyRecord, Ready, Ready);
record!(TransactionRecord, Transaction, Transactions);
record!(DeliveryRecord, Delivery, Deliveries);
record!(HomeRecord, Home, Home);
record!(DeadLetter, DeadLetter, DeadLetter);

/// A record and the trace it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<R> {
    /// What caused it, so that one trace follows a message over every restart; none if nothing did.
    pub trace: Option<TraceContext>,
    /// The record.
    pub record: R,
}

impl<R: Record> Envelope<R> {
    /// The envelope's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (traceparent, tracestate) = self.trace.clone().map(TraceContext::into_parts).unwrap_or_default();
        let body = Some(self.record.to_wire());
        wire::Envelope { schema_version: SCHEMA_VERSION, traceparent, tracestate, body }.encode_to_vec()
    }

    /// The envelope in `bytes`, if it carries an `R` and everything in it is well-formed.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > ENVELOPE_LEN_MAX {
            return Err(EnvelopeError::TooLong(bytes.len()));
        }
        let envelope = wire::Envelope::decode(bytes)?;
        // Before anything else is believed to mean what it means here.
        if envelope.schema_version != SCHEMA_VERSION {
            return Err(EnvelopeError::SchemaVersion(envelope.schema_version));
        }
        let trace = TraceContext::from_parts(envelope.traceparent, envelope.tracestate)?;
        let body = envelope.body.ok_or(EnvelopeError::Body { expected: R::TOPIC })?;
        Ok(Self { trace, record: R::from_wire(body)? })
    }
}
