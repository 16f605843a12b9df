use std::fmt::Debug;

use proptest::prelude::*;

use super::{samples::*, *};
use crate::topics::Partition;

fn reads_back<R: Record + PartialEq + Debug + Clone>(record: R) {
    let trace = TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "metalayer=1").unwrap();
    for trace in [None, Some(trace)] {
        let envelope = Envelope { trace, record: record.clone() };
        assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
    }
}

#[test]
fn every_record_reads_back() {
    reads_back(cursor());
    reads_back(block());
    reads_back(attestation());
    reads_back(proven());
    reads_back(ready());
    reads_back(transaction());
    reads_back(delivery());
    reads_back(home());
    reads_back(dead_letter());
}

#[test]
fn every_action_reads_back() {
    for (action, word) in actions().into_iter().zip(Action::WORDS) {
        assert_eq!(action.as_str(), word);
        reads_back(act(action));
    }
}

/// A backlog may be longer than what one transaction delivers.
#[test]
fn a_delivery_names_more_leaves_than_a_transaction_takes() {
    reads_back(ReadyRecord::Deliver(Box::new(backlog(1_000))));
}

#[test]
fn a_transaction_may_only_fill_its_nonce() {
    reads_back(TransactionRecord { ranges: Vec::new(), ..transaction() });
}

#[test]
fn compacted_topics_have_keys() {
    assert_eq!(cursor().key(), 901_u64.to_be_bytes());
    assert_eq!(dead_letter().key(), b"metalayer.proofs.v1/2/44");
}

/// A record of the greatest length the bus takes can still be dead-lettered.
#[test]
fn a_dead_letter_of_the_longest_record_still_reads_back() {
    let detail = "ü".repeat(DeadLetter::DETAIL_MAX);
    let letter =
        DeadLetter::new((Topic::Ready, Partition(u32::MAX), u64::MAX), vec![1; ENVELOPE_LEN_MAX], "field", detail);
    assert_eq!((letter.value.len(), letter.detail.len()), (DeadLetter::VALUE_MAX, DeadLetter::DETAIL_MAX));
    reads_back(letter);
}

proptest! {
    /// Whatever bytes come from the bus are read or refused.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Envelope::<BlockRecord>::decode(&bytes);
        let _ = Envelope::<ReadyRecord>::decode(&bytes);
        let _ = Envelope::<DeliveryRecord>::decode(&bytes);
        let _ = Envelope::<HomeRecord>::decode(&bytes);
    }

    /// A spoilt record is refused, or it is a well-formed one of other content.
    #[test]
    fn spoilt_records_never_panic_and_stay_consistent(place: prop::sample::Index, flip in 1_u8..) {
        let mut bytes = envelope(ready()).encode();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(read) = Envelope::<ReadyRecord>::decode(&bytes) {
            prop_assert_eq!(Envelope::decode(&read.encode()), Ok(read));
        }
        let mut bytes = envelope(block()).encode();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        if let Ok(read) = Envelope::<BlockRecord>::decode(&bytes) {
            prop_assert_eq!(Envelope::decode(&read.encode()), Ok(read));
        }
    }

    /// A spoilt action is refused, or it is a well-formed one that still agrees with itself.
    #[test]
    fn spoilt_actions_never_panic_and_stay_consistent(which: prop::sample::Index, place: prop::sample::Index, flip in 1_u8..) {
        let mut bytes = envelope(act(which.get(&actions()).clone())).encode();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(read) = Envelope::<ReadyRecord>::decode(&bytes) {
            prop_assert_eq!(Envelope::decode(&read.encode()), Ok(read));
        }
    }

    #[test]
    fn every_cut_is_refused(place: prop::sample::Index) {
        let bytes = envelope(ready()).encode();
        prop_assert!(Envelope::<ReadyRecord>::decode(&bytes[..place.index(bytes.len())]).is_err());
    }
}
