//! W3C trace context.

/// What caused a record: W3C `traceparent` and `tracestate`, kept as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    traceparent: String,
    tracestate: String,
}

/// Text that is no trace context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrace {
    /// Not `00-TRACE-PARENT-FLAGS` in lower-case hex.
    #[error("traceparent is not a version 00 trace parent")]
    Parent,
    /// Too long, not printable ASCII, or there without a parent.
    #[error("tracestate is not at most {max} printable characters beside a traceparent", max = TraceContext::STATE_MAX)]
    State,
}

impl TraceContext {
    /// The longest trace state that is carried, in bytes: what W3C asks everybody to carry at least.
    pub const STATE_MAX: usize = 512;

    /// A trace context from its two headers; `tracestate` may be empty.
    pub fn new(traceparent: impl Into<String>, tracestate: impl Into<String>) -> Result<Self, InvalidTrace> {
        let (traceparent, tracestate) = (traceparent.into(), tracestate.into());
        if !is_trace_parent(&traceparent) {
            return Err(InvalidTrace::Parent);
        }
        let printable = tracestate.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if tracestate.len() > Self::STATE_MAX || !printable {
            return Err(InvalidTrace::State);
        }
        Ok(Self { traceparent, tracestate })
    }

    /// The `traceparent` header.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The `tracestate` header; empty if there is none.
    pub fn tracestate(&self) -> &str {
        &self.tracestate
    }

    pub(super) fn into_parts(self) -> (String, String) {
        (self.traceparent, self.tracestate)
    }

    pub(super) fn from_parts(traceparent: String, tracestate: String) -> Result<Option<Self>, InvalidTrace> {
        match (traceparent.is_empty(), tracestate.is_empty()) {
            (true, true) => Ok(None),
            (true, false) => Err(InvalidTrace::State),
            (false, _) => Self::new(traceparent, tracestate).map(Some),
        }
    }
}

fn is_trace_parent(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    match text.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, parent, flags] => {
            hex(trace, 32) && some(trace) && hex(parent, 16) && some(parent) && hex(flags, 2)
        }
        _ => false,
    }
}
