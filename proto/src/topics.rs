//! Where records travel: topics, their partitions and the groups that consume them.

use std::{fmt, str::FromStr};

/// A log on the bus. Records of one topic are of one kind, in [`envelope`](crate::envelope)s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Topic {
    /// Who reads a chain and how far. Partition: the chain.
    Cursors,
    /// Blocks that changed a lane. Partition: the origin.
    Messages,
    /// Attestations whose transport signature holds. Partition: the origin.
    Attestations,
    /// Commitments with their quorum proofs. Partition: the origin.
    Proofs,
    /// What is to become a transaction. Partition: the destination.
    Ready,
    /// Signed transactions, before they are broadcast. Partition: the destination.
    Transactions,
    /// What happened on chain. Partition: the destination.
    Deliveries,
    /// What came back to where messages left from. Partition: the origin.
    Home,
    /// Records that were refused. Partition: 0.
    DeadLetter,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 9] = [
        Self::Cursors,
        Self::Messages,
        Self::Attestations,
        Self::Proofs,
        Self::Ready,
        Self::Transactions,
        Self::Deliveries,
        Self::Home,
        Self::DeadLetter,
    ];

    /// The topic's name on the bus.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cursors => "metalayer.cursors.v1",
            Self::Messages => "metalayer.messages.v1",
            Self::Attestations => "metalayer.attestations.v1",
            Self::Proofs => "metalayer.proofs.v1",
            Self::Ready => "metalayer.ready.v1",
            Self::Transactions => "metalayer.transactions.v1",
            Self::Deliveries => "metalayer.deliveries.v1",
            Self::Home => "metalayer.home.v1",
            Self::DeadLetter => "metalayer.dead-letter.v1",
        }
    }

    /// Whether only the newest record of a key is kept, and an empty one deletes the key.
    pub const fn is_compacted(self) -> bool {
        matches!(self, Self::Cursors | Self::DeadLetter)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Text that names no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no topic `{0}`")]
pub struct UnknownTopic(String);

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Self, UnknownTopic> {
        Self::ALL.into_iter().find(|topic| topic.name() == name).ok_or_else(|| UnknownTopic(name.to_owned()))
    }
}

/// A chain's number in every topic: given once at registration, passed explicitly, never hashed, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Partition(pub u32);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Stages that share out the partitions of one topic. Who owns a partition there owns the chain for that stage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// Reads chains.
    Watch,
    /// Adds attestations up to quorum proofs.
    Aggregate,
    /// Sends transactions.
    Execute,
    /// Pays out revenue.
    Distribute,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::Watch, Self::Aggregate, Self::Execute, Self::Distribute];

    /// The group's name on the bus.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Aggregate => "aggregate",
            Self::Execute => "execute",
            Self::Distribute => "distribute",
        }
    }

    /// The one topic it consumes. What else a stage needs it reads outside the group, by the same partition: a group
    /// on two topics may be given a chain's one half without the other.
    pub const fn topic(self) -> Topic {
        match self {
            Self::Watch => Topic::Cursors,
            Self::Aggregate => Topic::Attestations,
            Self::Execute => Topic::Ready,
            Self::Distribute => Topic::Deliveries,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_are_the_documented_ones_and_read_back() {
        for topic in Topic::ALL {
            assert!(topic.name().starts_with("metalayer.") && topic.name().ends_with(".v1"), "{topic}");
            assert_eq!(topic.name().parse(), Ok(topic));
        }
        assert_eq!("metalayer.cursors.v2".parse::<Topic>(), Err(UnknownTopic("metalayer.cursors.v2".into())));
    }

    #[test]
    fn no_two_groups_consume_one_topic() {
        let topics: std::collections::BTreeSet<_> = Group::ALL.map(Group::topic).into();
        assert_eq!(topics.len(), Group::ALL.len());
    }
}
