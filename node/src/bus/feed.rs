//! How far a member has been fed, partition by partition.

use std::{collections::BTreeMap, ops::Bound};

use metalayer_proto::topics::Partition;

use super::{BusError, Offset, Stored};

/// The most records that one event brings.
pub(super) const BATCH_RECORDS: usize = 256;

/// The next offset of every owned partition; serves them in turn, so that none starves.
#[derive(Debug, Default)]
pub(super) struct Feed {
    positions: BTreeMap<Partition, Offset>,
    last: Option<Partition>,
}

impl Feed {
    pub(super) fn begin(&mut self, partition: Partition, from: Offset) {
        self.positions.insert(partition, from);
    }

    pub(super) fn end(&mut self, partition: Partition) {
        self.positions.remove(&partition);
    }

    /// The next records of the first partition in turn that has any. `read` answers at once, empty if there are none.
    pub(super) fn next(
        &mut self,
        read: impl Fn(Partition, Offset) -> Result<Vec<Stored>, BusError>,
    ) -> Result<Option<(Partition, Vec<Stored>)>, BusError> {
        for partition in self.turn() {
            let Some(position) = self.positions.get_mut(&partition) else { continue };
            let records = match read(partition, *position) {
                Err(BusError::OutOfRange { topic, partition, wanted, low, next }) => {
                    *position = low;
                    return Err(BusError::OutOfRange { topic, partition, wanted, low, next });
                }
                answer => answer?,
            };
            if let Some(newest) = records.last() {
                *position = Offset(newest.offset.0 + 1);
                self.last = Some(partition);
                return Ok(Some((partition, records)));
            }
        }
        Ok(None)
    }

    /// All partitions, beginning after the one that was served last.
    fn turn(&self) -> Vec<Partition> {
        let Some(last) = self.last else { return self.positions.keys().copied().collect() };
        let after = self.positions.range((Bound::Excluded(last), Bound::Unbounded));
        let before = self.positions.range(..=last);
        after.chain(before).map(|(partition, _)| *partition).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use metalayer_proto::topics::Topic;

    use super::*;

    fn record(offset: Offset) -> Vec<Stored> {
        vec![Stored { offset, key: vec![], value: vec![1] }]
    }

    #[test]
    fn a_busy_partition_does_not_starve_the_others() {
        let mut feed = Feed::default();
        for number in [1, 2, 3] {
            feed.begin(Partition(number), Offset(0));
        }
        let mut served = || feed.next(|_, from| Ok(record(from))).unwrap().map(|(partition, _)| partition.0).unwrap();
        assert_eq!([served(), served(), served(), served()], [1, 2, 3, 1]);
    }

    #[test]
    fn a_gap_is_told_once_and_then_what_is_left_follows() {
        let mut feed = Feed::default();
        let (partition, low, next) = (Partition(1), Offset(5), Offset(9));
        feed.begin(partition, Offset(2));
        let mut read = || {
            feed.next(|_, wanted| {
                let gap = BusError::OutOfRange { topic: Topic::Ready, partition, wanted, low, next };
                if wanted < low { Err(gap) } else { Ok(record(wanted)) }
            })
        };
        assert!(matches!(read(), Err(BusError::OutOfRange { wanted: Offset(2), .. })));
        assert_eq!(read().unwrap(), Some((partition, record(Offset(5)))));
    }
}
