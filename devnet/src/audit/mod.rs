//! Whether every message met the end that it was sent for, once and in order, judged by what was logged and nothing else.

mod course;
mod history;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::TxHash;
use metalayer_proto::ids::{LaneId, MessageId};

pub use course::{Course, State};
pub use history::{Fate, History, Homecoming, Outcome, Place, Return, Sent};

/// What a message was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// To be delivered at once.
    Arrive,
    /// To fail first, and to be delivered by a retry.
    FailFirst,
    /// To fail whenever it is tried, and to be refused.
    FailForEver,
    /// To be void.
    BeVoid,
}

/// The messages of a demo, by the transactions that sent them. Whatever others send is to be delivered at once.
pub type Intents = BTreeMap<TxHash, Intent>;

/// Everything that is not as promised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Sent, not void, and neither delivered nor refused.
    pub lost: Vec<MessageId>,
    /// Delivered more than once.
    pub doubled: Vec<MessageId>,
    /// Ordered, and not after the message it waits for was settled.
    pub out_of_order: Vec<MessageId>,
    /// Failed although its recipient takes every message.
    pub wrongly_failed: Vec<MessageId>,
    /// Void although it is valid, or run although it is to be void.
    pub misjudged: Vec<MessageId>,
    /// Void or refused, and nothing of it was given back.
    pub stranded: Vec<MessageId>,
    /// Given back more than once, or given back and delivered (I3).
    pub paid_twice: Vec<MessageId>,
    /// Delivered, failed, voided or refused at a destination, or on a way, on which it was never sent; or back where it was not sent.
    pub invented: Vec<MessageId>,
}

impl Audit {
    /// Judges what was logged.
    pub fn of(history: &History, intents: &Intents) -> Self {
        let courses = Course::of_all(history);
        let none = Course::default();
        let course = |id: &MessageId| courses.get(id).unwrap_or(&none);
        let those = |broken: &dyn Fn(&Sent, &Course) -> bool| {
            let found = history.sent.iter().filter(|one| broken(one, course(&one.id))).map(|one| one.id);
            found.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let by_place: BTreeMap<(LaneId, u64), MessageId> =
            history.sent.iter().map(|one| ((one.lane, one.sequence), one.id)).collect();
        let overtakes = |one: &Sent, own: &Course| match (one.waits_for, own.first_run()) {
            (Some(before), Some(run)) => {
                let settled = by_place.get(&(one.lane, before)).and_then(|id| course(id).settled());
                settled.is_none_or(|settled| settled > run)
            }
            _ => false,
        };
        let intent = |one: &Sent| intents.get(&one.transaction).copied().unwrap_or(Intent::Arrive);
        Self {
            lost: those(&|_, own| matches!(own.state(), State::UnderWay | State::Failed)),
            doubled: those(&|_, own| own.delivered.len() > 1),
            out_of_order: those(&overtakes),
            wrongly_failed: those(&|one, own| {
                own.failed.is_some() && !matches!(intent(one), Intent::FailFirst | Intent::FailForEver)
            }),
            misjudged: those(&|one, own| {
                let to_be_void = intent(one) == Intent::BeVoid;
                if to_be_void { own.first_run().is_some() } else { own.voided.is_some() }
            }),
            stranded: those(&|_, own| matches!(own.state(), State::Voided | State::Refused) && !own.is_reclaimed()),
            paid_twice: those(&|_, own| {
                own.values_back > 1 || own.fees_back > 1 || (own.is_reclaimed() && !own.delivered.is_empty())
            }),
            invented: invented(history),
        }
    }

    /// Each broken promise in words; none if all is well.
    pub fn complaints(&self) -> Vec<String> {
        let kinds = [
            ("lost", &self.lost),
            ("delivered more than once", &self.doubled),
            ("out of order", &self.out_of_order),
            ("failed although its recipient takes everything", &self.wrongly_failed),
            ("judged wrongly", &self.misjudged),
            ("not given back", &self.stranded),
            ("given back twice, or given back and delivered", &self.paid_twice),
            ("settled although never sent", &self.invented),
        ];
        kinds.iter().flat_map(|(what, ids)| ids.iter().map(move |id| format!("message {id}: {what}"))).collect()
    }
}

/// Messages of which something was logged where they were never sent, or never to.
fn invented(history: &History) -> Vec<MessageId> {
    let lanes: BTreeMap<MessageId, LaneId> = history.sent.iter().map(|one| (one.id, one.lane)).collect();
    let elsewhere = |outcome: &&Outcome| {
        let fits = |lane: &LaneId| lane.destination.chain == outcome.destination && lane.origin == outcome.origin;
        !lanes.get(&outcome.id).is_some_and(fits)
    };
    let not_from_there = |one: &&Return| lanes.get(&one.id).is_none_or(|lane| lane.origin.chain != one.origin);
    let outcomes = history.outcomes.iter().filter(elsewhere).map(|outcome| outcome.id);
    let returns = history.returns.iter().filter(not_from_there).map(|one| one.id);
    outcomes.chain(returns).collect::<BTreeSet<_>>().into_iter().collect()
}
