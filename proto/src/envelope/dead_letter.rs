//! `metalayer.dead-letter.v1`: records that were refused, for operators to look at, replay or drop.

use std::fmt;

use alloy::primitives::Bytes;

use super::{ENVELOPE_LEN_MAX, EnvelopeError, wire};
use crate::topics::{Partition, Topic};

/// A record that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it stood: the topic,
    pub topic: Topic,
    /// the partition
    pub partition: Partition,
    /// and the offset.
    pub offset: u64,
    /// Its own bytes, whatever they are; the first [`Self::VALUE_MAX`] of them.
    pub value: Bytes,
    /// A stable word for metrics and look-up; 1 to [`Self::REASON_MAX`] bytes.
    pub reason: String,
    /// The same for people; at most [`Self::DETAIL_MAX`] bytes.
    pub detail: String,
}

impl DeadLetter {
    /// The longest reason, in bytes.
    pub const REASON_MAX: usize = 64;
    /// The longest detail, in bytes.
    pub const DETAIL_MAX: usize = 1_024;
    /// The most of a refused record's bytes that is kept, so that its dead letter fits into an envelope.
    pub const VALUE_MAX: usize = ENVELOPE_LEN_MAX - 4_096;

    /// The dead letter of the record at that place; `value` and `detail` are cut to what is kept.
    pub fn new(
        (topic, partition, offset): (Topic, Partition, u64),
        value: impl Into<Bytes>,
        reason: &'static str,
        detail: impl fmt::Display,
    ) -> Self {
        let mut value = value.into();
        value.truncate(Self::VALUE_MAX);
        let mut detail = detail.to_string();
        detail.truncate(detail.floor_char_boundary(Self::DETAIL_MAX));
        Self { topic, partition, offset, value, reason: reason.to_owned(), detail }
    }

    /// The key under which the compacted topic keeps it: `topic/partition/offset`. An empty record deletes it.
    pub fn key(&self) -> Vec<u8> {
        format!("{}/{}/{}", self.topic, self.partition, self.offset).into_bytes()
    }
}

impl From<&DeadLetter> for wire::DeadLetter {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            topic: letter.topic.name().to_owned(),
            partition: letter.partition.0,
            offset: letter.offset,
            value: letter.value.0.clone(),
            reason: letter.reason.clone(),
            detail: letter.detail.clone(),
        }
    }
}

impl TryFrom<wire::DeadLetter> for DeadLetter {
    type Error = EnvelopeError;

    fn try_from(letter: wire::DeadLetter) -> Result<Self, EnvelopeError> {
        if letter.reason.is_empty() || letter.reason.len() > Self::REASON_MAX {
            return Err(EnvelopeError::field("reason", format_args!("{} bytes", letter.reason.len())));
        }
        if letter.value.len() > Self::VALUE_MAX {
            return Err(EnvelopeError::field("value", format_args!("{} bytes", letter.value.len())));
        }
        if letter.detail.len() > Self::DETAIL_MAX {
            return Err(EnvelopeError::field("detail", format_args!("{} bytes", letter.detail.len())));
        }
        Ok(Self {
            topic: letter.topic.parse().map_err(|problem| EnvelopeError::field("topic", problem))?,
            partition: Partition(letter.partition),
            offset: letter.offset,
            value: letter.value.into(),
            reason: letter.reason,
            detail: letter.detail,
        })
    }
}
