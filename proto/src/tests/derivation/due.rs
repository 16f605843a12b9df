//! Rules that are overdue: nothing is signed, and nothing is judged otherwise.

use super::world::{HUB, World, derive::Reader, read, sent};
use crate::{
    act::Act,
    commitment::Commitment,
    derivation::{RulesDue, RulesOverdue},
    message::Message,
};

struct Hub {
    world: World,
    reader: Reader,
    due: RulesDue,
}

impl Hub {
    fn new() -> Self {
        let (world, reader) = read(|_| {});
        Self { world, reader, due: RulesDue::default() }
    }

    fn send(&mut self, to: u64, version: u32, by: u64) {
        self.world.govern(to, &Act::SetRulesVersion { version, by });
        let message = self.world.last(HUB, to);
        self.note(&message);
    }

    fn note(&mut self, message: &Message) {
        let outcome = self.reader.next(HUB, vec![vec![sent(message)]]).unwrap();
        self.due.note(&outcome);
    }

    fn check(&self, id: u64, version: u32, time: u64) -> Result<(), RulesOverdue> {
        let commitment = self.reader.derivations[&id].commitment().unwrap();
        self.due.check(&Commitment { version, ..commitment }, time)
    }
}

/// SECURITY: a rollup withholds a governance act the hub did send.
#[test]
fn blocks_past_the_date_are_signed_only_with_the_version() {
    let mut hub = Hub::new();
    assert_eq!(hub.check(1, 1, u64::MAX), Ok(()));
    hub.send(1, 2, 500);
    assert_eq!(hub.check(1, 1, 500), Ok(()));
    assert_eq!(hub.check(1, 1, 501), Err(RulesOverdue { version: 2, by: 500, time: 501 }));
    assert_eq!(hub.check(1, 2, 501), Ok(()));
    assert_eq!(hub.check(3, 1, 501), Ok(()), "other origins are unaffected");
}

#[test]
fn the_hub_moves_the_date_and_an_older_version_does_not() {
    let mut hub = Hub::new();
    hub.send(1, 2, 500);
    hub.send(1, 1, 10);
    assert_eq!(hub.check(1, 1, 500), Ok(()));
    hub.send(1, 2, 900);
    assert_eq!(hub.check(1, 1, 900), Ok(()));
    assert!(hub.check(1, 1, 901).is_err());
    hub.send(1, 2, 0);
    assert_eq!(hub.check(1, 1, u64::MAX), Ok(()), "no date");
}

#[test]
fn what_was_judged_void_or_is_no_such_act_sets_no_date() {
    let mut hub = Hub::new();
    let act = Act::SetRulesVersion { version: 2, by: 5 }.encode();
    let stranger = super::gateway::contract(1);
    let void = hub.world.next(HUB, 1, crate::message::Kind::Governance, stranger, act);
    hub.world.send(void.clone(), false);
    hub.note(&void);
    hub.world.generic(HUB, 1);
    let generic = hub.world.last(HUB, 1);
    hub.note(&generic);
    assert_eq!(hub.check(1, 1, u64::MAX), Ok(()));
}
