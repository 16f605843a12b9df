//! Records in others' names: what somebody puts on the bus who may write there and may not be believed.

use std::sync::Arc;

use metalayer_node::bus::{Bus, Offset, Record, memory::MemoryBus};
use metalayer_proto::topics::{Partition, Topic};

use super::dice::Dice;

/// The most records of a partition that one is picked from.
const LOOKED_AT: usize = 256;

/// Puts a record on a topic: one that is there already, again or with a byte changed, or nonsense. Not on the cursors, which the watcher
/// that owns a chain writes, and which say where it goes on. Returns the topic.
pub(super) async fn forge(bus: &Arc<MemoryBus>, dice: &Dice, partitions: &[Partition]) -> Option<Topic> {
    let topics: Vec<_> = Topic::ALL.into_iter().filter(|topic| !topic.is_compacted()).collect();
    let (topic, partition) = (*dice.pick(&topics)?, *dice.pick(partitions)?);
    let (low, _) = bus.range(topic, partition).await.ok()?;
    let there = bus.read(topic, partition, low, LOOKED_AT, std::time::Duration::ZERO).await.ok()?;
    let mut value = match dice.pick(&there) {
        Some(stored) => stored.value.clone(),
        None => b"nonsense".to_vec(),
    };
    match dice.below(3) {
        0 => {}
        1 => {
            let place = usize::try_from(dice.below(value.len() as u64)).unwrap_or_default();
            value[place] ^= 1 << dice.below(8);
        }
        _ => value.truncate(usize::try_from(dice.below(value.len() as u64)).unwrap_or_default()),
    }
    let forged: Result<Offset, _> = bus.publish(Record { topic, partition, key: Vec::new(), value }).await;
    forged.ok().map(|_| topic)
}
