#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod gateway;
mod outcomes;
mod refusals;
mod sending;

use alloy::primitives::B256;
use metalayer_proto::item::Item;

use super::*;
