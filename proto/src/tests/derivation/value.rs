//! When value is valid: burnt here, once, and the origin's to give.

use alloy::primitives::{Address, U256};

use super::{
    gateway::contract,
    world::{VALUE_MAX, World, burn, delivered, derive::Reader, era, log_of, module, read, sent},
};
use crate::{
    derivation::{Verdict, VerifiedLog, VoidReason},
    events::abi,
    message::{Kind, Message, Payload},
    value::{NoTransfer, Transfer},
};

const VALID: Verdict = Verdict::Valid;

const fn void(reason: VoidReason) -> Verdict {
    Verdict::Void(reason)
}

/// Chain 1 holds 100.
fn holds_100() -> (World, Reader) {
    let (world, reader) = read(|world| {
        world.transfer(2, 1, 100, true);
        world.next_round();
        world.deliver(1, 2, 1, 0);
    });
    assert_eq!(reader.units(1), 100);
    (world, reader)
}

/// What transfers of these amounts from chain 1 to chain 3 are judged, and what is left; `logs` puts them into transactions.
fn judge(amounts: &[u64], logs: impl FnOnce(&[VerifiedLog]) -> Vec<Vec<VerifiedLog>>) -> (Vec<Verdict>, u64) {
    let (mut world, mut reader) = holds_100();
    let mut send = |amount: &u64| {
        let payload = World::transfer_payload(1, *amount);
        let message = world.next(1, 3, Kind::ValueFlow, module(1), payload);
        world.send(message, true)
    };
    let sent: Vec<_> = amounts.iter().map(&mut send).collect();
    let outcome = reader.next(1, logs(&sent)).unwrap();
    let verdicts = outcome.lanes[0].messages.iter().map(|judged| judged.verdict).collect();
    (verdicts, reader.units(1))
}

/// What one message that `change` makes of a good transfer of 60, with its burn before it, is judged, and what is left.
fn changed(change: impl FnOnce(&mut Transfer, &mut Message)) -> (Verdict, u64) {
    let (world, mut reader) = holds_100();
    let mut message = world.next(1, 3, Kind::ValueFlow, module(1), World::transfer_payload(1, 60));
    let mut transfer = Transfer::decode(message.payload.bytes()).unwrap();
    let honest = transfer;
    change(&mut transfer, &mut message);
    if transfer != honest {
        message.payload = Payload::new(transfer.encode()).unwrap();
    }
    let outcome = reader.next(1, vec![vec![burn(1, 60), sent(&message)]]).unwrap();
    (outcome.lanes[0].messages[0].verdict, reader.units(1))
}

#[test]
fn a_valid_export_is_debited() {
    assert_eq!(changed(|_, _| {}), (VALID, 40));
}

#[test]
fn what_breaks_a_rule_is_void_and_debits_nothing() {
    let payload = |edit: fn(&mut Vec<u8>)| {
        move |_: &mut Transfer, message: &mut Message| {
            let mut bytes = message.payload.bytes().to_vec();
            edit(&mut bytes);
            message.payload = Payload::new(bytes).unwrap();
        }
    };
    let expect = |judged, reason| assert_eq!(judged, (void(reason), 100));
    expect(changed(payload(|bytes| bytes.push(0))), VoidReason::Undecodable);
    expect(changed(payload(|bytes| bytes.truncate(127))), VoidReason::Undecodable);
    expect(changed(payload(|bytes| bytes[0] = 1)), VoidReason::Undecodable);
    expect(changed(payload(|bytes| bytes.clear())), VoidReason::Undecodable);
    expect(changed(|transfer, _| transfer.token = era(3)), VoidReason::TokenUnknown);
    expect(changed(|transfer, _| transfer.amount = U256::ZERO), VoidReason::AmountZero);
    expect(changed(|transfer, _| transfer.amount = U256::from(VALUE_MAX + 1)), VoidReason::AboveValueMax);
    expect(changed(|transfer, _| transfer.amount = U256::MAX), VoidReason::AboveValueMax);
    expect(changed(|transfer, _| transfer.amount = U256::from(VALUE_MAX)), VoidReason::NotBurnt);
    expect(changed(|transfer, _| transfer.amount = U256::from(61)), VoidReason::NotBurnt);
    expect(changed(|transfer, _| transfer.from = contract(1)), VoidReason::NotBurnt);
    let no_module =
        |_: &mut Transfer, message: &mut Message| (message.sender, message.payer) = (contract(1), contract(1));
    expect(changed(no_module), VoidReason::DifferentModules);
    let neither = |_: &mut Transfer, message: &mut Message| {
        (message.sender, message.payer, message.recipient) = (contract(1), contract(1), contract(2));
    };
    expect(changed(neither), VoidReason::ModuleMissing);
    let elsewhere = |_: &mut Transfer, message: &mut Message| message.recipient = module(2);
    expect(changed(elsewhere), VoidReason::DifferentModules);
    assert_eq!(changed(|transfer, _| transfer.to = contract(9)), (VALID, 40), "whose it becomes is free");
}

#[test]
fn each_burn_serves_one_message_of_its_transaction() {
    let not_burnt = void(VoidReason::NotBurnt);
    let other_burn = |from: Address, amount: u64, sender: Address, token: Address| {
        log_of(token, &abi::CrosschainBurn { from, amount: U256::from(amount), sender })
    };
    let one = |log: VerifiedLog| judge(&[30], |sent| vec![vec![log, sent[0].clone()]]);
    let (owner, value) = (contract(0xa0), module(1));
    assert_eq!(one(other_burn(owner, 30, value, era(1))), (vec![VALID], 70));
    assert_eq!(one(other_burn(owner, 29, value, era(1))), (vec![not_burnt], 100));
    assert_eq!(one(other_burn(contract(1), 30, value, era(1))), (vec![not_burnt], 100));
    assert_eq!(one(other_burn(owner, 30, contract(1), era(1))), (vec![not_burnt], 100), "burnt by another contract");
    assert_eq!(one(other_burn(owner, 30, value, era(3))), (vec![not_burnt], 100), "another token");
    assert_eq!(judge(&[30], |sent| vec![vec![sent[0].clone(), burn(1, 30)]]), (vec![not_burnt], 100), "after it");
    let apart = judge(&[30], |sent| vec![vec![burn(1, 30)], vec![sent[0].clone()]]);
    assert_eq!(apart, (vec![not_burnt], 100), "in another transaction");
    let twice = judge(&[30, 30], |sent| vec![[&[burn(1, 30)], sent].concat()]);
    assert_eq!(twice, (vec![VALID, not_burnt], 70), "one burn for two messages");
    let both = judge(&[30, 30], |sent| vec![[&[burn(1, 30), burn(1, 30)], sent].concat()]);
    assert_eq!(both, (vec![VALID, VALID], 40));
}

#[test]
fn an_export_needs_the_balance() {
    let each = |amounts: &[u64]| {
        let burns = |sent: &[VerifiedLog]| {
            amounts.iter().zip(sent).map(|(amount, log)| vec![burn(1, *amount), log.clone()]).collect()
        };
        judge(amounts, burns)
    };
    let above = void(VoidReason::AboveLedger);
    assert_eq!(each(&[100]), (vec![VALID], 0));
    assert_eq!(each(&[101]), (vec![above], 100));
    assert_eq!(each(&[60, 41, 40, 1]), (vec![VALID, above, VALID, above], 0));
}

#[test]
fn what_arrives_just_before_may_leave() {
    let (mut world, mut reader) = holds_100();
    world.transfer(2, 1, 50, true);
    let arriving = world.last(2, 1);
    reader.next(2, vec![vec![burn(2, 50), sent(&arriving)]]).unwrap();
    let leaving = world.next(1, 3, Kind::ValueFlow, module(1), World::transfer_payload(1, 150));
    let before = vec![burn(1, 150), sent(&leaving), delivered(&arriving)];
    let outcome = reader.clone().next(1, vec![before]).unwrap();
    assert_eq!(outcome.lanes[0].messages[0].verdict, void(VoidReason::AboveLedger));
    let after = vec![delivered(&arriving), burn(1, 150), sent(&leaving)];
    assert_eq!(reader.next(1, vec![after]).unwrap().lanes[0].messages[0].verdict, VALID);
    assert_eq!(reader.units(1), 0);
}

#[test]
fn a_transfer_has_one_encoding() {
    let transfer = Transfer { token: era(1), from: contract(1), amount: U256::from(5), to: contract(2) };
    let bytes = transfer.encode();
    assert_eq!(bytes.len(), Transfer::LEN);
    assert_eq!(Transfer::decode(&bytes), Ok(transfer));
    assert_eq!(Transfer::decode(&[&bytes[..], &[0; 32]].concat()), Err(NoTransfer));
    for word in [0, 1, 3] {
        let mut dirty = bytes.clone();
        dirty[word * 32] = 1;
        assert_eq!(Transfer::decode(&dirty), Err(NoTransfer));
    }
}
