//! Records on the bus: publishing typed ones, and refusing those that are none.

use std::sync::Arc;

use metalayer_node::bus::{self, Bus, BusError, Offset, Stored};
use metalayer_proto::{
    envelope::{DeadLetter, Envelope, Record, TraceContext},
    topics::{Partition, Topic},
};

use crate::metrics::Metrics;

/// The bus, as stages use it.
#[derive(Clone)]
pub struct Records {
    /// The bus itself.
    pub bus: Arc<dyn Bus>,
    metrics: Arc<Metrics>,
}

impl Records {
    /// Typed access to `bus`.
    pub fn new(bus: Arc<dyn Bus>, metrics: Arc<Metrics>) -> Self {
        Self { bus, metrics }
    }

    /// Publishes a record under `key`; durable when this resolves.
    pub async fn publish<R: Record>(
        &self,
        partition: Partition,
        key: Vec<u8>,
        trace: Option<TraceContext>,
        record: R,
    ) -> Result<Offset, BusError> {
        let value = Envelope { trace, record }.encode();
        self.bus.publish(bus::Record { topic: R::TOPIC, partition, key, value }).await
    }

    /// The record in `stored`; one that does not decode is counted, dead-lettered, and changes nothing else (I7, I11).
    pub async fn open<R: Record>(
        &self,
        partition: Partition,
        stored: &Stored,
    ) -> Result<Option<Envelope<R>>, BusError> {
        match Envelope::decode(&stored.value) {
            Ok(envelope) => Ok(Some(envelope)),
            Err(error) => {
                self.refuse((R::TOPIC, partition), stored, "malformed", &error).await?;
                Ok(None)
            }
        }
    }

    /// Puts a record that is not believed into the dead letters.
    pub async fn refuse(
        &self,
        (topic, partition): (Topic, Partition),
        stored: &Stored,
        reason: &'static str,
        detail: &(dyn std::fmt::Display + Sync),
    ) -> Result<(), BusError> {
        tracing::warn!(%topic, %partition, offset = stored.offset.0, reason, %detail, "record refused");
        self.metrics.dead_lettered(topic, reason);
        let letter = DeadLetter::new((topic, partition, stored.offset.0), stored.value.clone(), reason, detail);
        self.publish(Partition(0), letter.key(), None, letter).await?;
        Ok(())
    }
}
