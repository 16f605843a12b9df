//! Records on the bus: publishing typed ones, and refusing those that are none.

use std::{sync::Arc, time::Duration};

use metalayer_node::{
    bus::{self, Bus, BusError, Offset, Stored},
    task::Severity,
};
use metalayer_proto::{
    envelope::{DeadLetter, Envelope, Record, TraceContext},
    topics::{Partition, Topic},
};

use crate::metrics::Metrics;

/// How many records are read at once.
const READ_MAX: usize = 512;

/// How a stage meets an error of the bus.
pub(crate) const fn severity(error: &BusError) -> Severity {
    match error {
        // Another member has the partition now: it goes on there, this instance has nothing left to do.
        BusError::NotOwner { .. } => Severity::Stage,
        // Records are missing that only the chain can give back: never skipped, and nobody else's business (I9).
        BusError::OutOfRange { .. } => Severity::Chain,
        _ => Severity::Process,
    }
}

/// The word for an error of the bus in metrics and `/readyz?verbose`.
pub(crate) const fn reason(error: &BusError) -> &'static str {
    match error {
        BusError::NotOwner { .. } => "not_owner",
        BusError::OutOfRange { .. } => "out_of_range",
        _ => "bus",
    }
}

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

    /// Reads a partition from the oldest record to the newest that is there now, and gives each that decodes to `take`.
    pub async fn each<R: Record + Send>(
        &self,
        partition: Partition,
        mut take: impl FnMut(R) + Send,
    ) -> Result<(), BusError> {
        let (mut from, end) = self.bus.range(R::TOPIC, partition).await?;
        while from < end {
            let batch = self.bus.read(R::TOPIC, partition, from, READ_MAX, Duration::ZERO).await?;
            let Some(last) = batch.last() else { break };
            from = Offset(last.offset.0 + 1);
            for stored in &batch {
                if let Some(envelope) = self.open::<R>(partition, stored).await? {
                    take(envelope.record);
                }
            }
        }
        Ok(())
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
