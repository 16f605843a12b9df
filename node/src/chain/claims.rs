//! What endpoints claim by `eth_getLogs`, which is believed of nobody and shows who lies (PROTOCOL "Reading without
//! trust", 3).

use std::{ops::RangeInclusive, sync::Arc};

use alloy::{
    primitives::{Address, Log},
    rpc::types::Log as RpcLog,
};
use metalayer_proto::derivation::VerifiedLog;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ChainError,
    endpoint::{CallError, Endpoint},
    pool::{Answer, Pool},
};

/// The most blocks that are asked for in one call: public endpoints refuse more.
const BLOCKS_MAX: u64 = 10_000;

/// A log that an endpoint says is in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub block: u64,
    pub index: u64,
    pub log: Log,
}

impl Claim {
    /// Whether the block's proven logs hold the one that is claimed.
    pub(super) fn is_among(&self, proven: &[VerifiedLog]) -> bool {
        let Log { address, data } = &self.log;
        proven.iter().any(|one| {
            one.index == self.index && one.address == *address && one.topics == data.topics() && one.data == data.data
        })
    }
}

/// What each endpoint claims of `watched` in blocks `from` to `to`; an error if fewer than k answer.
pub(super) async fn claimed_logs(
    pool: &Pool,
    from: u64,
    to: u64,
    watched: &[Address],
) -> Result<Vec<Answer<Vec<Claim>>>, ChainError> {
    let ask = |endpoint: Arc<Endpoint>| async move { claims(&endpoint, from, to, watched).await };
    let (answers, failures) = pool.ask(pool.trusted(), 0, ask).await;
    if answers.len() < pool.quorum {
        return Err(pool.too_few(answers.len(), failures));
    }
    Ok(answers)
}

/// All logs of `contract` in `blocks` as one endpoint tells them, in order.
pub(super) async fn told_by(
    endpoint: &Endpoint,
    contract: Address,
    blocks: RangeInclusive<u64>,
) -> Result<Vec<Log>, CallError> {
    let mut told = Vec::new();
    let mut from = *blocks.start();
    while from <= *blocks.end() {
        let to = blocks.end().saturating_sub(from).min(BLOCKS_MAX - 1) + from;
        told.extend(claims(endpoint, from, to, &[contract]).await?);
        let Some(next) = to.checked_add(1) else { break };
        from = next;
    }
    told.sort_by_key(|claim| (claim.block, claim.index));
    Ok(told.into_iter().map(|claim| claim.log).collect())
}

async fn claims(endpoint: &Endpoint, from: u64, to: u64, watched: &[Address]) -> Result<Vec<Claim>, CallError> {
    let filter = json!([{ "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}"), "address": watched }]);
    let mut claims = parse(&endpoint.call("eth_getLogs", filter).await?)?;
    claims.retain(|claim| (from..=to).contains(&claim.block) && watched.contains(&claim.log.address));
    Ok(claims)
}

fn parse(logs: &Value) -> Result<Vec<Claim>, CallError> {
    let logs = Vec::<RpcLog>::deserialize(logs).map_err(|error| CallError::Malformed(error.to_string()))?;
    let claim = |log: RpcLog| Some(Claim { block: log.block_number?, index: log.log_index?, log: log.inner });
    logs.into_iter()
        .map(|log| claim(log).ok_or_else(|| CallError::Malformed("a log that is in no block".into())))
        .collect()
}
