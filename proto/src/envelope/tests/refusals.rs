use std::fmt::Debug;

use prost::bytes::Bytes;
use wire::envelope::Body;

use super::{samples::*, *};
use crate::item::Item;

/// Asserts that a reader refuses what `edit` makes of `record`, for the reason `as_str` says.
fn refused<R: Record + Debug>(record: &R, reason: &str, edit: impl FnOnce(&mut Body)) {
    let error = edited(record, edit).unwrap_err();
    assert_eq!(error.as_str(), reason, "{error}");
}

macro_rules! edit {
    ($body:ident, $record:ident => $edit:expr) => {
        |body| match body {
            Body::$body($record) => {
                $edit;
            }
            _ => unreachable!(),
        }
    };
}

fn deliver_of(body: &mut Body) -> &mut wire::Deliver {
    match body {
        Body::Ready(wire::ReadyRecord { action: Some(wire::ready_record::Action::Deliver(deliver)) }) => deliver,
        _ => unreachable!(),
    }
}

/// Refused, once `edit` has changed the action in the record of `action`.
fn action_refused(action: Action, reason: &str, edit: impl FnOnce(&mut wire::ready_record::Action)) {
    refused(&act(action), reason, |body| match body {
        Body::Ready(wire::ReadyRecord { action: Some(action) }) => edit(action),
        _ => unreachable!(),
    });
}

macro_rules! edit_action {
    ($action:ident, $record:ident => $edit:expr) => {
        |action| match action {
            wire::ready_record::Action::$action($record) => {
                $edit;
            }
            _ => unreachable!(),
        }
    };
}

#[test]
fn another_schema_version_is_refused_and_named() {
    for schema_version in [0, 2, u32::MAX] {
        let body = Some(sealed::Wire::to_wire(&cursor()));
        let bytes = wire::Envelope { schema_version, body, ..Default::default() }.encode_to_vec();
        assert_eq!(Envelope::<Cursor>::decode(&bytes), Err(EnvelopeError::SchemaVersion(schema_version)));
    }
}

#[test]
fn a_record_of_another_topic_or_none_is_refused() {
    let bytes = envelope(cursor()).encode();
    let expected = EnvelopeError::Body { expected: Topic::Proofs };
    assert_eq!(Envelope::<ProofRecord>::decode(&bytes), Err(expected.clone()));
    let empty = wire::Envelope { schema_version: SCHEMA_VERSION, ..Default::default() }.encode_to_vec();
    assert_eq!(Envelope::<ProofRecord>::decode(&empty), Err(expected));
}

#[test]
fn an_envelope_longer_than_the_bound_is_not_even_parsed() {
    let long = vec![0xff; ENVELOPE_LEN_MAX + 1];
    assert_eq!(Envelope::<Cursor>::decode(&long), Err(EnvelopeError::TooLong(long.len())));
}

#[test]
fn a_malformed_trace_is_refused() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert!(TraceContext::new(parent, "").is_ok());
    for bad in [
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
    ] {
        assert_eq!(TraceContext::new(bad, ""), Err(InvalidTrace::Parent), "{bad}");
    }
    assert_eq!(TraceContext::new(parent, "x".repeat(513)), Err(InvalidTrace::State));
    assert_eq!(TraceContext::new(parent, "a=\n"), Err(InvalidTrace::State));

    let orphan = wire::Envelope { schema_version: SCHEMA_VERSION, tracestate: "a=1".into(), ..Default::default() };
    assert_eq!(Envelope::<Cursor>::decode(&orphan.encode_to_vec()), Err(EnvelopeError::Trace(InvalidTrace::State)));
}

#[test]
fn wrong_lengths_and_bounds_are_refused() {
    refused(&cursor(), "field", edit!(Cursor, cursor => cursor.chain = 0));
    refused(&cursor(), "field", edit!(Cursor, cursor => cursor.reader = String::new()));
    refused(&cursor(), "field", edit!(Cursor, cursor => cursor.reader = "x".repeat(129)));

    refused(&attestation(), "field", edit!(Attestation, record => record.commitment.truncate(167)));
    refused(&attestation(), "field", edit!(Attestation, record => record.attester.truncate(31)));
    refused(&attestation(), "field", edit!(Attestation, record => record.signature = Bytes::from_static(&[0; 96])));
    refused(&proven(), "field", edit!(Proof, record => record.proof.truncate(104)));

    refused(&transaction(), "missing", edit!(Transaction, record => record.raw.clear()));
    refused(&transaction(), "field", edit!(Transaction, record => record.ranges[0].length = 0));
    refused(&transaction(), "field", edit!(Transaction, record => record.ranges[0].first = u64::MAX));
    refused(&transaction(), "missing", edit!(Transaction, record => record.ranges[0].origin = None));
    refused(&transaction(), "field", edit!(Transaction, record => record.ranges = vec![record.ranges[0].clone(); 257]));

    refused(&delivery(), "field", edit!(Delivery, record => record.outcomes.clear()));
    refused(&delivery(), "field", edit!(Delivery, record => record.outcomes[0].outcome = 0));
    refused(&delivery(), "field", edit!(Delivery, record => record.outcomes[0].outcome = 6));
    refused(&delivery(), "contradiction", edit!(Delivery, record => record.outcomes.swap(0, 1)));
    refused(&delivery(), "field", edit!(Delivery, record => record.block_hash.truncate(31)));

    refused(&home(), "field", edit!(Home, record => record.events.clear()));
    refused(&home(), "field", edit!(Home, record => record.events = vec![record.events[0].clone(); 1_025]));
    refused(&home(), "missing", edit!(Home, record => record.events[0].event = None));
    refused(&home(), "missing", edit!(Home, record => record.origin = None));
    refused(&home(), "field", edit!(Home, record => record.block_hash.truncate(31)));

    refused(&dead_letter(), "field", edit!(DeadLetter, letter => letter.topic = "metalayer.proofs.v2".into()));
    refused(&dead_letter(), "field", edit!(DeadLetter, letter => letter.reason.clear()));
    refused(&dead_letter(), "field", edit!(DeadLetter, letter => letter.detail = "x".repeat(1_025)));
}

#[test]
fn a_block_record_must_agree_with_itself() {
    refused(&block(), "contradiction", edit!(Block, block => block.lanes.pop()));
    refused(&block(), "field", edit!(Block, block => block.lanes.swap(0, 1)));
    refused(&block(), "contradiction", edit!(Block, block => block.lanes[1].count += 1));
    refused(&block(), "missing", edit!(Block, block => block.changes.clear()));
    refused(&block(), "contradiction", edit!(Block, block => block.changes.swap(0, 1)));
    refused(&block(), "contradiction", edit!(Block, block => block.changes.insert(1, block.changes[0].clone())));
    refused(&block(), "contradiction", edit!(Block, block => block.changes[0].messages.pop()));
    refused(&block(), "contradiction", edit!(Block, block => block.changes[0].messages.swap(0, 1)));
    refused(&block(), "contradiction", edit!(Block, block => block.changes[1].messages.clear()));
    refused(&block(), "missing", edit!(Block, block => block.changes[0].destination = None));
}

/// A verdict turned round is another leaf, and leads to another root.
#[test]
fn a_verdict_turned_round_contradicts_the_lanes_root() {
    refused(&block(), "contradiction", edit!(Block, block => block.changes[0].messages[1].void_reason = None));
    let void = wire::VoidReason { code: wire::VoidCode::DifferentModules.into(), ..Default::default() };
    refused(&block(), "contradiction", edit!(Block, block => block.changes[0].messages[0].void_reason = Some(void)));
}

#[test]
fn unknown_void_reasons_are_refused() {
    let reason = |edit: fn(&mut wire::VoidReason)| {
        move |body: &mut Body| match body {
            Body::Block(block) => edit(block.changes[0].messages[1].void_reason.as_mut().unwrap()),
            _ => unreachable!(),
        }
    };
    refused(&block(), "field", reason(|reason| reason.code = 0));
    refused(&block(), "field", reason(|reason| reason.code = 99));
    refused(&block(), "field", reason(|reason| reason.kind = 5));
    refused(&block(), "field", reason(|reason| reason.kind = 256));
}

#[test]
fn a_delivery_must_lead_to_its_lane_under_its_commitment() {
    refused(&ready(), "field", |body| deliver_of(body).lane.as_mut().unwrap().count += 1);
    refused(&ready(), "field", |body| deliver_of(body).lane_proof.truncate(32));
    refused(&ready(), "field", |body| deliver_of(body).lane_proof.truncate(33));
    refused(&ready(), "field", |body| deliver_of(body).lane_proof = vec![0; 33 * 32].into());
    refused(&ready(), "missing", |body| deliver_of(body).items.clear());
    refused(&ready(), "missing", |body| deliver_of(body).lane = None);
    refused(&ready(), "missing", |body| match body {
        Body::Ready(ready) => ready.action = None,
        _ => unreachable!(),
    });

    let short = deliver().items[..6].to_vec();
    refused(&ready(), "contradiction", |body| deliver_of(body).items = Item::encode_all(&short).into());
    let mut other = deliver().items;
    other[6] = Item::Leaf(other[0].leaf());
    refused(&ready(), "contradiction", |body| deliver_of(body).items = Item::encode_all(&other).into());
    let mut before = deliver().before;
    before.append(deliver().items[0].leaf()).unwrap();
    refused(&ready(), "contradiction", |body| deliver_of(body).before = before.to_bytes().into());
}

#[test]
fn an_action_must_be_whole() {
    let [retry, refuse, snapshot, ..] = actions();
    action_refused(retry, "field", edit_action!(Retry, retry => retry.message.truncate(100)));
    action_refused(refuse, "field", edit_action!(Refuse, refuse => refuse.message.clear()));
    action_refused(snapshot, "missing", edit_action!(Snapshot, snapshot => snapshot.destination = None));
}

#[test]
fn what_is_reclaimed_must_lead_to_its_root() {
    let other = field::message_bytes(&message(gateway(902), 3));
    let refused = Action::Reclaim(reclaim());
    action_refused(refused.clone(), "field", edit_action!(Reclaim, reclaim => reclaim.message = other.clone()));
    action_refused(refused.clone(), "field", edit_action!(Reclaim, reclaim => reclaim.count = 4));
    action_refused(refused.clone(), "field", edit_action!(Reclaim, reclaim => reclaim.path.truncate(32)));
    action_refused(refused, "field", edit_action!(Reclaim, reclaim => reclaim.root.truncate(31)));

    let void = Action::ReclaimVoid(reclaim_void());
    // The message that is valid there has no void leaf.
    let valid = field::message_bytes(&message(gateway(902), 3));
    action_refused(void.clone(), "field", edit_action!(ReclaimVoid, reclaim => reclaim.message = valid));
    let elsewhere = field::message_bytes(&message(gateway(904), 3));
    action_refused(void.clone(), "contradiction", edit_action!(ReclaimVoid, reclaim => reclaim.message = elsewhere));
    action_refused(void.clone(), "field", edit_action!(ReclaimVoid, reclaim => reclaim.lane_proof.truncate(32)));
    action_refused(void.clone(), "missing", edit_action!(ReclaimVoid, reclaim => reclaim.lane = None));
    action_refused(void, "field", edit_action!(ReclaimVoid, reclaim => reclaim.proof.truncate(104)));
}

#[test]
fn what_is_claimed_must_stand_in_the_facts() {
    let claim = Action::ClaimFees(claim_fees());
    let more = field::units_bytes(claim_fees().total + alloy::primitives::U256::from(1));
    action_refused(claim.clone(), "field", edit_action!(ClaimFees, claim => claim.total = more));
    action_refused(claim.clone(), "field", edit_action!(ClaimFees, claim => claim.fact_proof.clear()));
    action_refused(
        claim.clone(),
        "field",
        edit_action!(ClaimFees, claim => claim.fact_proof = vec![0; 257 * 32].into()),
    );
    action_refused(claim.clone(), "field", edit_action!(ClaimFees, claim => claim.executor.truncate(19)));
    action_refused(claim, "missing", edit_action!(ClaimFees, claim => claim.origin = None));

    let load = Action::LoadChunk(load_chunk());
    action_refused(load.clone(), "missing", edit_action!(LoadChunk, load => load.destination = None));
    action_refused(load.clone(), "field", edit_action!(LoadChunk, load => load.index = 0));
    action_refused(load.clone(), "field", edit_action!(LoadChunk, load => load.index = 65_537));
    action_refused(load.clone(), "field", edit_action!(LoadChunk, load => load.header.truncate(90)));
    action_refused(load, "field", edit_action!(LoadChunk, load => load.chunk.truncate(204)));
}
