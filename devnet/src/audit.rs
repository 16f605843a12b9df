//! Whether every message arrived exactly once and in order, judged by what the gateways logged and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, U256};
use metalayer_proto::ids::{ChainId, GatewayId, LaneId, MessageId};

/// A log's place in its chain's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The block's number.
    pub block: u64,
    /// The log's place in the block.
    pub log_index: u64,
}

/// A message as its origin logged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub id: MessageId,
    /// Its lane.
    pub lane: LaneId,
    /// Its number in the lane.
    pub sequence: u64,
    /// The sequence that must be settled first, if it is ordered after one.
    pub waits_for: Option<u64>,
    /// Who is called with it.
    pub recipient: Address,
    /// The block it was sent in.
    pub block: u64,
    /// The $ERA that it carries, in the smallest unit.
    pub amount: U256,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its recipient took it.
    Delivered,
    /// Its recipient failed.
    Failed,
    /// It was judged void.
    Voided,
}

/// What a destination logged of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its id.
    pub id: MessageId,
    /// The chain whose gateway logged it.
    pub destination: ChainId,
    /// The gateway it came from.
    pub origin: GatewayId,
    /// What became of it.
    pub fate: Fate,
    /// Where.
    pub place: Place,
}

/// Everything that is not as promised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Sent and neither delivered nor failed.
    pub lost: Vec<MessageId>,
    /// Delivered or failed more than once.
    pub doubled: Vec<MessageId>,
    /// Ordered, and not after the message it waits for.
    pub out_of_order: Vec<MessageId>,
    /// Failed although its recipient takes every message.
    pub wrongly_failed: Vec<MessageId>,
    /// Delivered, failed or voided at a destination, or on a way, on which it was never sent.
    pub invented: Vec<MessageId>,
}

impl Audit {
    /// Judges what the gateways logged; recipients in `reverting` are the ones that fail.
    pub fn of(sent: &[Sent], outcomes: &[Outcome], reverting: &BTreeSet<Address>) -> Self {
        let mut executed: BTreeMap<MessageId, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes.iter().filter(|outcome| outcome.fate != Fate::Voided) {
            executed.entry(outcome.id).or_default().push(outcome);
        }
        let times = |id: &MessageId| executed.get(id).map_or(0, Vec::len);
        let by_id: BTreeMap<MessageId, &Sent> = sent.iter().map(|one| (one.id, one)).collect();
        let by_place: BTreeMap<(LaneId, u64), MessageId> =
            sent.iter().map(|one| ((one.lane, one.sequence), one.id)).collect();
        let first = |id: &MessageId| executed.get(id)?.iter().map(|outcome| outcome.place).min();

        let keeps_order = |one: &Sent| match (one.waits_for, first(&one.id)) {
            (Some(before), Some(place)) => {
                let before = by_place.get(&(one.lane, before)).and_then(first);
                before.is_some_and(|before| before < place)
            }
            _ => true,
        };
        let is_invented = |outcome: &&Outcome| {
            by_id.get(&outcome.id).is_none_or(|sent| {
                sent.lane.destination.chain != outcome.destination || sent.lane.origin != outcome.origin
            })
        };
        let wrongly = |outcome: &&Outcome| {
            outcome.fate == Fate::Failed
                && by_id.get(&outcome.id).is_some_and(|sent| !reverting.contains(&sent.recipient))
        };
        let ids = |found: &mut dyn Iterator<Item = MessageId>| found.collect::<BTreeSet<_>>().into_iter().collect();
        Self {
            lost: ids(&mut sent.iter().map(|one| one.id).filter(|id| times(id) == 0)),
            doubled: ids(&mut executed.keys().copied().filter(|id| times(id) > 1)),
            out_of_order: ids(&mut sent.iter().filter(|one| !keeps_order(one)).map(|one| one.id)),
            wrongly_failed: ids(&mut outcomes.iter().filter(wrongly).map(|outcome| outcome.id)),
            invented: ids(&mut outcomes.iter().filter(is_invented).map(|outcome| outcome.id)),
        }
    }

    /// Each broken promise in words; none if all is well.
    pub fn complaints(&self) -> Vec<String> {
        let kinds = [
            ("lost", &self.lost),
            ("delivered more than once", &self.doubled),
            ("out of order", &self.out_of_order),
            ("failed although its recipient takes everything", &self.wrongly_failed),
            ("delivered although never sent", &self.invented),
        ];
        kinds.iter().flat_map(|(what, ids)| ids.iter().map(move |id| format!("message {id}: {what}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy::primitives::B256;

    use super::*;

    const WILLING: Address = Address::repeat_byte(1);
    const REVERTING: Address = Address::repeat_byte(2);

    fn lane() -> LaneId {
        let gateway = |chain| GatewayId { chain: ChainId::new(chain).unwrap(), gateway: Address::repeat_byte(9) };
        LaneId { origin: gateway(901), destination: gateway(902) }
    }

    fn id(sequence: u64) -> MessageId {
        MessageId(B256::with_last_byte(u8::try_from(sequence).unwrap() + 1))
    }

    fn sent(sequence: u64) -> Sent {
        Sent {
            id: id(sequence),
            lane: lane(),
            sequence,
            waits_for: None,
            recipient: WILLING,
            block: 1,
            amount: U256::ZERO,
        }
    }

    fn delivered(sequence: u64, block: u64) -> Outcome {
        let (origin, destination) = (lane().origin, lane().destination.chain);
        Outcome { id: id(sequence), destination, origin, fate: Fate::Delivered, place: Place { block, log_index: 0 } }
    }

    fn audit(sent: &[Sent], outcomes: &[Outcome]) -> Audit {
        Audit::of(sent, outcomes, &BTreeSet::from([REVERTING]))
    }

    /// Three messages, the last two ordered, all delivered.
    fn good() -> (Vec<Sent>, Vec<Outcome>) {
        let sent = vec![sent(0), sent(1), Sent { waits_for: Some(1), ..sent(2) }];
        (sent, vec![delivered(0, 5), delivered(1, 5), delivered(2, 6)])
    }

    #[test]
    fn all_is_well() {
        let (sent, outcomes) = good();
        assert_eq!(audit(&sent, &outcomes), Audit::default());
        assert!(audit(&sent, &outcomes).complaints().is_empty());
    }

    #[test]
    fn a_message_that_is_withheld_is_lost() {
        let (sent, outcomes) = good();
        let expected = Audit { lost: vec![id(0)], ..Audit::default() };
        assert_eq!(audit(&sent, &outcomes[1..]), expected);
    }

    #[test]
    fn a_message_that_is_voided_is_lost() {
        let (sent, mut outcomes) = good();
        outcomes[0].fate = Fate::Voided;
        assert_eq!(audit(&sent, &outcomes).lost, [id(0)]);
    }

    #[test]
    fn a_message_that_arrives_twice_is_doubled() {
        let (sent, mut outcomes) = good();
        outcomes.push(delivered(1, 9));
        assert_eq!(audit(&sent, &outcomes), Audit { doubled: vec![id(1)], ..Audit::default() });
    }

    #[test]
    fn a_message_that_overtakes_is_out_of_order() {
        let (sent, mut outcomes) = good();
        outcomes[2].place = Place { block: 4, log_index: 7 };
        assert_eq!(audit(&sent, &outcomes), Audit { out_of_order: vec![id(2)], ..Audit::default() });
        // In one block it is the place in the block that counts.
        outcomes[2].place = Place { block: 5, log_index: 1 };
        assert_eq!(audit(&sent, &outcomes), Audit::default());
    }

    #[test]
    fn an_ordered_message_without_the_one_before_it_is_out_of_order() {
        let (sent, mut outcomes) = good();
        outcomes.remove(1);
        assert_eq!(audit(&sent, &outcomes), Audit { lost: vec![id(1)], out_of_order: vec![id(2)], ..Audit::default() });
    }

    #[test]
    fn only_a_recipient_that_reverts_may_fail() {
        let (mut sent, mut outcomes) = good();
        outcomes[0].fate = Fate::Failed;
        assert_eq!(audit(&sent, &outcomes), Audit { wrongly_failed: vec![id(0)], ..Audit::default() });
        sent[0].recipient = REVERTING;
        assert_eq!(audit(&sent, &outcomes), Audit::default());
    }

    #[test]
    fn what_was_never_sent_or_arrives_elsewhere_is_invented() {
        let (sent, mut outcomes) = good();
        outcomes.push(delivered(7, 9));
        assert_eq!(audit(&sent, &outcomes).invented, [id(7)]);
        outcomes.pop();
        outcomes[0].destination = ChainId::new(900).unwrap();
        assert_eq!(audit(&sent, &outcomes).invented, [id(0)]);
    }
}
