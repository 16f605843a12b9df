//! Who owns what: a group's members and the partitions between them. Pure, without waiting.
//!
//! Cooperative and sticky, as Kafka's: a partition moves only if balance demands it, its owner drains it first, and
//! all others stay where they are meanwhile.

use std::collections::{BTreeMap, VecDeque};

use metalayer_proto::topics::{Group, Partition};
use tokio::sync::oneshot;

use crate::bus::{BusError, Drained, GroupEvent, InstanceId, LowWaterMark, Offset, Ownership, checks::not_owner};

pub(super) type MemberId = u64;

#[derive(Debug)]
pub(super) struct GroupState {
    group: Group,
    parts: BTreeMap<Partition, Part>,
    /// What each member has not been told yet.
    members: BTreeMap<MemberId, VecDeque<GroupEvent>>,
    joined: MemberId,
}

#[derive(Debug, Default)]
struct Part {
    owner: Option<MemberId>,
    lease: u64,
    is_leaving: bool,
    mark: Option<LowWaterMark>,
}

/// A partition that its owner was told to give up, and how the bus hears that it has.
pub(super) struct Revocation {
    pub(super) partition: Partition,
    pub(super) lease: u64,
    pub(super) drained: oneshot::Receiver<()>,
}

impl GroupState {
    pub(super) fn new(group: Group, partitions: Vec<Partition>) -> Self {
        let parts = partitions.into_iter().map(|partition| (partition, Part::default())).collect();
        Self { group, parts, members: BTreeMap::new(), joined: 0 }
    }

    pub(super) fn join(&mut self) -> (MemberId, Vec<Revocation>) {
        self.joined += 1;
        self.members.insert(self.joined, VecDeque::new());
        (self.joined, self.rebalance())
    }

    /// Takes a member out; what it owned is lost to it at once.
    pub(super) fn leave(&mut self, member: MemberId) -> Vec<Revocation> {
        self.members.remove(&member);
        for part in self.parts.values_mut().filter(|part| part.owner == Some(member)) {
            part.owner = None;
            part.is_leaving = false;
        }
        self.rebalance()
    }

    /// Takes a partition from an owner that has drained it, or had its time to.
    pub(super) fn release(&mut self, partition: Partition, lease: u64) -> Vec<Revocation> {
        let leaving = |part: &&mut Part| part.is_leaving && part.lease == lease;
        let Some(part) = self.parts.get_mut(&partition).filter(leaving) else { return vec![] };
        part.owner = None;
        part.is_leaving = false;
        self.rebalance()
    }

    pub(super) fn next_event(&mut self, member: MemberId) -> Option<GroupEvent> {
        self.members.get_mut(&member)?.pop_front()
    }

    pub(super) fn check(&self, ownership: &Ownership) -> Result<(), BusError> {
        let part = self.parts.get(&ownership.partition);
        let is_owned = part.is_some_and(|part| part.owner.is_some() && part.lease == ownership.lease);
        is_owned.then_some(()).ok_or_else(|| not_owner(ownership))
    }

    pub(super) fn commit(
        &mut self,
        ownership: &Ownership,
        offset: Offset,
        instance: InstanceId,
    ) -> Result<(), BusError> {
        self.check(ownership)?;
        let part = self.parts.get_mut(&ownership.partition).ok_or_else(|| not_owner(ownership))?;
        part.mark = Some(LowWaterMark { offset, instance });
        Ok(())
    }

    fn rebalance(&mut self) -> Vec<Revocation> {
        let mut owned = self.owned();
        let revocations = self.revoke_surplus(&mut owned);
        self.assign_free(&mut owned);
        revocations
    }

    /// What each member has and keeps.
    fn owned(&self) -> BTreeMap<MemberId, Vec<Partition>> {
        let mut owned: BTreeMap<_, _> = self.members.keys().map(|member| (*member, Vec::new())).collect();
        for (partition, part) in &self.parts {
            if let Some(list) = part.owner.filter(|_| !part.is_leaving).and_then(|owner| owned.get_mut(&owner)) {
                list.push(*partition);
            }
        }
        owned
    }

    fn revoke_surplus(&mut self, owned: &mut BTreeMap<MemberId, Vec<Partition>>) -> Vec<Revocation> {
        let Some(share) = self.parts.len().checked_div(owned.len()) else { return vec![] };
        let mut larger_shares = self.parts.len() % owned.len();
        // Who has most keeps the larger shares, so that fewest move.
        let mut by_size: Vec<_> = owned.iter_mut().collect();
        by_size.sort_by_key(|(member, list)| (std::cmp::Reverse(list.len()), **member));
        let mut revocations = Vec::new();
        for (member, list) in by_size {
            let quota = share + usize::from(larger_shares > 0);
            larger_shares = larger_shares.saturating_sub(1);
            for partition in list.split_off(quota.min(list.len())) {
                revocations.extend(self.revoke(*member, partition));
            }
        }
        revocations
    }

    fn revoke(&mut self, member: MemberId, partition: Partition) -> Option<Revocation> {
        let part = self.parts.get_mut(&partition)?;
        part.is_leaving = true;
        let (done, drained) = oneshot::channel();
        self.members.get_mut(&member)?.push_back(GroupEvent::Revoked(partition, Drained(Some(done))));
        Some(Revocation { partition, lease: part.lease, drained })
    }

    fn assign_free(&mut self, owned: &mut BTreeMap<MemberId, Vec<Partition>>) {
        for (partition, part) in self.parts.iter_mut().filter(|(_, part)| part.owner.is_none()) {
            let Some((member, list)) = owned.iter_mut().min_by_key(|(member, list)| (list.len(), **member)) else {
                return;
            };
            list.push(*partition);
            part.owner = Some(*member);
            part.lease += 1;
            let ownership =
                Ownership { group: self.group, topic: self.group.topic(), partition: *partition, lease: part.lease };
            if let Some(events) = self.members.get_mut(member) {
                events.push_back(GroupEvent::Assigned(ownership, part.mark.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn sizes(state: &GroupState) -> Vec<usize> {
        state.owned().into_values().map(|list| list.len()).collect()
    }

    #[test]
    fn a_newcomer_gets_its_share_and_nothing_else_moves() {
        let mut state = GroupState::new(Group::Execute, (1..=5).map(Partition).collect());
        assert_eq!(state.join().1.len(), 0);
        let revoked = state.join().1;
        assert_eq!(revoked.iter().map(|revocation| revocation.partition.0).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(sizes(&state), [3, 0], "nothing is handed on before it is drained");
        for Revocation { partition, lease, .. } in revoked {
            assert_eq!(state.release(partition, lease).len(), 0);
        }
        assert_eq!(sizes(&state), [3, 2]);
    }

    #[test]
    fn more_members_than_partitions_leave_some_with_none() {
        let mut state = GroupState::new(Group::Execute, vec![Partition(1)]);
        let (first, _) = state.join();
        state.join();
        assert_eq!(sizes(&state), [1, 0]);
        state.leave(first);
        assert_eq!(sizes(&state), [1]);
    }

    #[test]
    fn a_drain_that_comes_late_takes_nothing_from_the_next_owner() {
        let mut state = GroupState::new(Group::Execute, vec![Partition(1), Partition(2)]);
        state.join();
        let (second, revoked) = state.join();
        let lease = revoked[0].lease;
        state.release(Partition(2), lease);
        assert_eq!(state.release(Partition(2), lease).len(), 0);
        assert_eq!(state.owned()[&second], [Partition(2)]);
    }
}
