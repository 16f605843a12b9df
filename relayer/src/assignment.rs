//! From a group's assignments to stages: one stage instance serves one partition and lives as long as its assignment.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metalayer_node::{
    bus::{Bus, BusError, GroupEvent, InstanceId, LowWaterMark, Member, Offset, Ownership, Stored},
    task::group::{ServiceError, Shutdown, TaskGroup, TaskHandle},
};
use metalayer_proto::topics::{Group, Partition};
use tokio::sync::Notify;

/// How long one look at the group takes at most; low-water marks are committed in between.
const LOOK: Duration = Duration::from_millis(500);

/// How many bytes of records of one partition wait for their stage. What comes above that is dropped here and read again
/// from the bus by the stage itself, so that one slow partition holds up no other (I9).
const INBOX_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A partition that was assigned, as its stage sees it.
#[derive(Clone)]
pub struct Assignment {
    /// The right to act for it.
    pub ownership: Ownership,
    /// Below which the group needed nothing when it was assigned.
    pub mark: Option<LowWaterMark>,
    bus: Arc<dyn Bus>,
    inbox: Arc<Inbox>,
}

struct Inbox {
    state: Mutex<InboxState>,
    arrived: Arc<Notify>,
    /// The first offset that the stage still needs.
    low: AtomicU64,
}

struct InboxState {
    records: VecDeque<Stored>,
    bytes: usize,
    bytes_max: usize,
    /// The offset that the stage takes next.
    next: Offset,
    /// How often records were dropped, and how many of these times the stage has made up for.
    dropped: u64,
    recovered: u64,
    /// What follows is not kept any more.
    gap: Option<BusError>,
}

impl Assignment {
    /// The assignment of `ownership`'s partition, whose records follow from `mark` on.
    pub fn new(bus: Arc<dyn Bus>, ownership: Ownership, mark: Option<LowWaterMark>) -> Self {
        Self::bounded(bus, ownership, mark, INBOX_BYTES_MAX)
    }

    fn bounded(bus: Arc<dyn Bus>, ownership: Ownership, mark: Option<LowWaterMark>, bytes_max: usize) -> Self {
        let next = mark.as_ref().map_or(Offset::default(), |mark| mark.offset);
        let state =
            InboxState { records: VecDeque::new(), bytes: 0, bytes_max, next, dropped: 0, recovered: 0, gap: None };
        let inbox = Inbox { state: Mutex::new(state), arrived: Arc::default(), low: AtomicU64::new(next.0) };
        Self { ownership, mark, bus, inbox: Arc::new(inbox) }
    }

    /// Adds records that the bus handed out.
    pub(crate) fn put(&self, mut records: Vec<Stored>) {
        {
            let mut state = self.state();
            // The stage may have read ahead of the group while it caught up.
            records.retain(|record| record.offset >= state.next);
            if state.gap.is_some() {
                // Nothing is taken over a gap.
                return;
            }
            let bytes: usize = records.iter().map(|record| record.value.len()).sum();
            if state.recovered < state.dropped || state.bytes.saturating_add(bytes) > state.bytes_max {
                // In order: what comes after something dropped is dropped as well, until the stage has caught up.
                state.dropped += 1;
            } else {
                state.bytes += bytes;
                state.records.extend(records);
            }
        }
        self.inbox.arrived.notify_one();
    }

    /// Says that what follows is no longer kept, so that the stage hears it when it comes to that place.
    fn put_gap(&self, gap: BusError) {
        self.state().gap = Some(gap);
        self.inbox.arrived.notify_one();
    }

    /// Takes up to `limit` of the records that have come, in order.
    ///
    /// # Errors
    /// [`BusError::OutOfRange`] where records are missing.
    pub async fn take(&self, limit: usize) -> Result<Vec<Stored>, BusError> {
        loop {
            let (next, dropped) = {
                let mut state = self.state();
                let taken = limit.min(state.records.len());
                let records: Vec<_> = state.records.drain(..taken).collect();
                state.bytes -= records.iter().map(|record| record.value.len()).sum::<usize>();
                if let Some(last) = records.last() {
                    state.next = Offset(last.offset.0 + 1);
                    return Ok(records);
                }
                if let Some(gap) = state.gap.take() {
                    return Err(gap);
                }
                if state.recovered == state.dropped {
                    return Ok(Vec::new());
                }
                (state.next, state.dropped)
            };
            let Ownership { topic, partition, .. } = self.ownership;
            let records = self.bus.read(topic, partition, next, limit, Duration::ZERO).await?;
            let mut state = self.state();
            match records.last() {
                Some(last) => {
                    state.next = Offset(last.offset.0 + 1);
                    return Ok(records);
                }
                // Nothing more was there after that drop; a later drop is met in the next round.
                None => state.recovered = dropped,
            }
        }
    }

    /// Notified when records come.
    pub fn arrived(&self) -> Arc<Notify> {
        self.inbox.arrived.clone()
    }

    /// Says that the stage needs nothing below `offset` any more; it never goes back.
    pub fn done_below(&self, offset: Offset) {
        self.inbox.low.fetch_max(offset.0, Ordering::Relaxed);
    }

    pub(crate) fn low(&self) -> Offset {
        Offset(self.inbox.low.load(Ordering::Relaxed))
    }

    fn state(&self) -> MutexGuard<'_, InboxState> {
        self.inbox.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the stage of an assigned partition in the task group; `None` for a partition that no known chain has.
pub type StartStage = Box<dyn Fn(&TaskGroup, Assignment) -> Option<TaskHandle> + Send + Sync>;

/// One member of one group, and the stages of what it was assigned.
pub struct Assignments {
    bus: Arc<dyn Bus>,
    member: Box<dyn Member>,
    tasks: TaskGroup,
    start: StartStage,
    running: BTreeMap<Partition, Running>,
}

struct Running {
    assignment: Assignment,
    stage: TaskHandle,
    committed: Offset,
}

impl Assignments {
    /// Joins `group`; stages are started as its partitions are assigned.
    pub async fn join(
        bus: Arc<dyn Bus>,
        group: Group,
        instance: InstanceId,
        tasks: TaskGroup,
        start: StartStage,
    ) -> Result<Self, BusError> {
        let member = bus.clone().join(group, instance).await?;
        Ok(Self { bus, member, tasks, start, running: BTreeMap::new() })
    }

    /// Follows the group until told to stop, then stops the stages and commits what they have done.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), ServiceError> {
        while !shutdown.is_requested() {
            let event = tokio::select! {
                biased;
                () = shutdown.clone().requested() => break,
                event = self.member.next(LOOK) => event,
            };
            match event {
                Err(gap @ BusError::OutOfRange { partition, .. }) => self.meet_gap(partition, gap),
                event => self.meet(event?).await?,
            }
            self.commit().await?;
        }
        for (_, running) in std::mem::take(&mut self.running) {
            self.end(running).await?;
        }
        Ok(())
    }

    async fn meet(&mut self, event: GroupEvent) -> Result<(), ServiceError> {
        match event {
            GroupEvent::Assigned(ownership, mark) => {
                let partition = ownership.partition;
                let committed = mark.as_ref().map_or(Offset::default(), |mark| mark.offset);
                let assignment = Assignment::new(self.bus.clone(), ownership, mark);
                if let Some(stage) = (self.start)(&self.tasks, assignment.clone()) {
                    self.running.insert(partition, Running { assignment, stage, committed });
                }
            }
            GroupEvent::Records(partition, records) => {
                if let Some(running) = self.running.get(&partition) {
                    running.assignment.put(records);
                }
            }
            GroupEvent::Revoked(partition, drained) => {
                if let Some(running) = self.running.remove(&partition) {
                    self.end(running).await?;
                }
                drop(drained);
            }
            GroupEvent::Idle => {}
        }
        Ok(())
    }

    /// The partition's stage parks its chain; the others go on (I9).
    fn meet_gap(&self, partition: Partition, gap: BusError) {
        match self.running.get(&partition) {
            Some(running) => running.assignment.put_gap(gap),
            None => tracing::warn!(%partition, %gap, "records are missing that nobody here works on"),
        }
    }

    async fn end(&mut self, running: Running) -> Result<(), BusError> {
        let Running { assignment, stage, committed } = running;
        stage.stop().await;
        commit(&mut *self.member, &assignment, committed).await?;
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), BusError> {
        let mut lost = Vec::new();
        for (partition, running) in &mut self.running {
            match commit(&mut *self.member, &running.assignment, running.committed).await? {
                Some(committed) => running.committed = committed,
                None => lost.push(*partition),
            }
        }
        for running in lost.iter().filter_map(|partition| self.running.remove(partition)) {
            running.stage.stop().await;
        }
        Ok(())
    }
}

/// Commits what a stage has done since `committed`, and says how far that is; `None` if the partition is another member's by
/// now.
async fn commit(
    member: &mut dyn Member,
    assignment: &Assignment,
    committed: Offset,
) -> Result<Option<Offset>, BusError> {
    let low = assignment.low();
    if low <= committed {
        return Ok(Some(committed));
    }
    match member.commit(&assignment.ownership, low).await {
        Ok(()) => Ok(Some(low)),
        Err(BusError::NotOwner { .. }) => Ok(None),
        Err(gap @ BusError::OutOfRange { .. }) => {
            // The bus has less than it handed out: its data was lost.
            assignment.put_gap(gap);
            Ok(Some(committed))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "assignment_tests.rs"]
mod tests;
