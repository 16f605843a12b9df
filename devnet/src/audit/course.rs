//! All that became of one message.

use std::collections::BTreeMap;

use metalayer_proto::ids::MessageId;

use super::{Fate, History, Homecoming, Place};

/// All that became of one message, whatever was logged in whatever order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// Where its recipient took it; once, if all is well.
    pub delivered: Vec<Place>,
    /// Where its recipient first failed.
    pub failed: Option<Place>,
    /// Where it was first void.
    pub voided: Option<Place>,
    /// Where it was first refused.
    pub refused: Option<Place>,
    /// Whether its refusal is home.
    pub home: bool,
    /// How many times what it carried was given back.
    pub values_back: usize,
    /// How many times its fee was given back.
    pub fees_back: usize,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing became of it yet.
    UnderWay,
    /// It arrived, at once or by a retry.
    Delivered,
    /// Its recipient failed, and it waits for a retry or a refusal.
    Failed,
    /// It will never be delivered.
    Voided,
    /// It was given up.
    Refused,
}

impl Course {
    /// The course of every message of which anything but its sending was logged.
    pub fn of_all(history: &History) -> BTreeMap<MessageId, Self> {
        let mut courses = BTreeMap::<MessageId, Self>::new();
        for outcome in &history.outcomes {
            let course = courses.entry(outcome.id).or_default();
            let first = match outcome.fate {
                Fate::Delivered => {
                    course.delivered.push(outcome.place);
                    continue;
                }
                Fate::Failed => &mut course.failed,
                Fate::Voided => &mut course.voided,
                Fate::Refused => &mut course.refused,
            };
            *first = Some(first.map_or(outcome.place, |place| place.min(outcome.place)));
        }
        for one in &history.returns {
            let course = courses.entry(one.id).or_default();
            match one.homecoming {
                Homecoming::Refusal => course.home = true,
                Homecoming::Reclaim { value, fee } => {
                    course.values_back += usize::from(value);
                    course.fees_back += usize::from(fee);
                }
            }
        }
        courses
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        if !self.delivered.is_empty() {
            State::Delivered
        } else if self.refused.is_some() {
            State::Refused
        } else if self.voided.is_some() {
            State::Voided
        } else if self.failed.is_some() {
            State::Failed
        } else {
            State::UnderWay
        }
    }

    /// Whether anything of it was given back.
    pub const fn is_reclaimed(&self) -> bool {
        self.values_back > 0 || self.fees_back > 0
    }

    /// Where its recipient was first called.
    pub fn first_run(&self) -> Option<Place> {
        self.delivered.iter().copied().chain(self.failed).min()
    }

    /// Where it was settled: from there on, those ordered after it may run.
    pub fn settled(&self) -> Option<Place> {
        self.delivered.iter().copied().chain(self.voided).chain(self.refused).min()
    }
}
