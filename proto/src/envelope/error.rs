//! Why bytes are no envelope of the kind that is read.

use std::fmt;

use super::{InvalidTrace, SCHEMA_VERSION};
use crate::topics::Topic;

/// Why bytes are no envelope of the kind that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Longer than any envelope may be.
    #[error("an envelope of {0} bytes")]
    TooLong(usize),
    /// Not protobuf, or of another shape.
    #[error("not protobuf: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// Written by a program with another schema: upgrade this one, or drain what the other wrote.
    #[error("schema version {0} is unknown here; this program reads version {SCHEMA_VERSION}")]
    SchemaVersion(u32),
    /// It carries nothing, or a record of another topic.
    #[error("the body is not one of {expected}")]
    Body {
        /// The topic whose records are read.
        expected: Topic,
    },
    /// The trace context is malformed.
    #[error(transparent)]
    Trace(#[from] InvalidTrace),
    /// A field is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field has a wrong length, is out of bounds, or is no canonical encoding of what it should be.
    #[error("{field}: {problem}")]
    Field {
        /// The field, as the schema names it.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Each field is well-formed, but they contradict each other.
    #[error("the record contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl EnvelopeError {
    /// The word for it in metrics and dead letters.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::Protobuf(_) => "protobuf",
            Self::SchemaVersion(_) => "schema_version",
            Self::Body { .. } => "body",
            Self::Trace(_) => "trace",
            Self::Missing(_) => "missing",
            Self::Field { .. } => "field",
            Self::Contradiction(_) => "contradiction",
        }
    }

    /// Blames `field` for `problem`.
    pub(super) fn field(field: &'static str, problem: impl fmt::Display) -> Self {
        Self::Field { field, problem: problem.to_string() }
    }
}
