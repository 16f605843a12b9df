#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acting;
mod bench;
mod durable;
mod gateway;
mod nonces;
mod outcomes;
mod prices;
mod refusals;
mod reorgs;
mod sending;

use alloy::primitives::Bytes;
use metalayer_node::task::{Severity, StageError};
use metalayer_proto::{
    envelope::{DeliveredRange, ReadyRecord, TransactionRecord},
    item::Item,
    topics::Topic,
};

use super::{
    outcomes::AWAITED_EVERY,
    sending::{HOLD, WAIT},
    transactions::REBROADCAST_AFTER,
    *,
};
