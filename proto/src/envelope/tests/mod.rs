#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod refusals;
mod round_trip;
mod samples;

use super::*;

fn envelope<R>(record: R) -> Envelope<R> {
    Envelope { trace: None, record }
}

/// What a reader makes of `record` after `edit` was done to its wire form.
fn edited<R: Record>(record: &R, edit: impl FnOnce(&mut wire::envelope::Body)) -> Result<Envelope<R>, EnvelopeError> {
    let mut body = record.to_wire();
    edit(&mut body);
    let body = Some(body);
    Envelope::decode(&wire::Envelope { schema_version: SCHEMA_VERSION, body, ..Default::default() }.encode_to_vec())
}
