//! From a hash that k endpoints agree on to verified blocks: headers, receipts and the check against `eth_getLogs`.

use std::collections::BTreeMap;

use alloy::{
    consensus::constants::EMPTY_ROOT_HASH,
    primitives::{Address, B256, Bloom, BloomInput},
};
use futures::{StreamExt, TryStreamExt, stream};
use metalayer_proto::derivation::{VerifiedBlock, VerifiedLog};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    BlockRef, ChainError, READ_BLOCKS_MAX,
    claims::{Claim, claimed_logs},
    endpoint::{CallError, Endpoint},
    header::{self, HashedHeader},
    metrics::Lie,
    pool::{Answer, Pool, SourceError},
    receipts,
};

/// Blocks whose receipts are fetched at the same time.
const RECEIPTS_AT_ONCE: usize = 8;

/// Reads the logs of some contracts, in mode `bloom-receipts`.
#[derive(Debug)]
pub(super) struct BlockSource {
    watched: Vec<Address>,
}

/// The proven logs of a block, by its number, where its receipts were fetched.
type Proven = BTreeMap<u64, Vec<VerifiedLog>>;

impl BlockSource {
    pub(super) fn new(watched: Vec<Address>) -> Self {
        Self { watched }
    }

    /// All blocks from `from` to `to`, verified. `at_hand` is what an endpoint said of block `to` before, if that is
    /// still known; it saves a call.
    pub(super) async fn read(
        &self,
        pool: &Pool,
        from: u64,
        to: BlockRef,
        at_hand: Option<Value>,
    ) -> Result<Vec<VerifiedBlock>, ChainError> {
        if from > to.number {
            return Ok(Vec::new());
        }
        if to.number - from >= READ_BLOCKS_MAX {
            let problem = format!("{from} to {} are more than the {READ_BLOCKS_MAX} blocks of one read", to.number);
            return Err(ChainError::Unverifiable { chain: pool.chain, problem });
        }
        let proven = async {
            let headers = self.headers(pool, from, to, at_hand).await?;
            let candidates = headers.iter().filter(|one| self.may_hold_ours(&one.header.logs_bloom));
            let proven = prove(pool, candidates.cloned().collect()).await?;
            Ok::<_, ChainError>((headers, proven))
        };
        let claims = claimed_logs(pool, from, to.number, &self.watched);
        let ((headers, proven), claims) = tokio::try_join!(proven, claims)?;
        self.refute(pool, &headers, &proven, claims).await?;
        Ok(headers.into_iter().map(|header| self.block(header, &proven)).collect())
    }

    /// Headers from `from` to `to`, each re-hashed and the parent of the next.
    async fn headers(
        &self,
        pool: &Pool,
        from: u64,
        to: BlockRef,
        at_hand: Option<Value>,
    ) -> Result<Vec<HashedHeader>, ChainError> {
        let last = at_hand.and_then(|json| header::verify(&json, to.hash).ok());
        if let Some(last) = last.as_ref().filter(|_| from == to.number) {
            return Ok(vec![last.clone()]);
        }
        let last = &last;
        pool.first(|endpoint| async move {
            let end = if last.is_some() { to.number } else { to.number + 1 };
            let numbers = (from..end).map(|number| json!([format!("{number:#x}"), false])).collect();
            let blocks = endpoint.batch("eth_getBlockByNumber", numbers).await?;
            link(&blocks, from, to, last.clone())
        })
        .await
    }

    fn may_hold_ours(&self, bloom: &Bloom) -> bool {
        self.watched.iter().any(|contract| bloom.contains_input(BloomInput::Raw(contract.as_slice())))
    }

    /// Looks into every log that an endpoint claims and that is not proven yet: either the endpoint lies, or the
    /// chain's blooms do.
    async fn refute(
        &self,
        pool: &Pool,
        headers: &[HashedHeader],
        proven: &Proven,
        claims: Vec<Answer<Vec<Claim>>>,
    ) -> Result<(), ChainError> {
        let open: Vec<HashedHeader> = headers
            .iter()
            .filter(|one| !proven.contains_key(&one.header.number))
            .filter(|one| claims.iter().flat_map(|answer| &answer.value).any(|claim| claim.block == one.header.number))
            .cloned()
            .collect();
        let opened = prove(pool, open).await?;
        for Answer { endpoint, value } in claims {
            for claim in value {
                if let Some(logs) = opened.get(&claim.block).filter(|logs| claim.is_among(logs)) {
                    let problem = format!(
                        "block {} holds {} logs, one of them ours, which its bloom denies: the chain's blooms are wrong",
                        claim.block,
                        logs.len()
                    );
                    return Err(ChainError::Unverifiable { chain: pool.chain, problem });
                }
                let there = proven.get(&claim.block).is_some_and(|logs| claim.is_among(logs));
                if !there {
                    let problem =
                        format!("it claims a log {} in block {} which is not there", claim.index, claim.block);
                    pool.bench(&endpoint, Lie::Log, &problem);
                    break;
                }
            }
        }
        Ok(())
    }

    fn block(&self, HashedHeader { header, hash }: HashedHeader, proven: &Proven) -> VerifiedBlock {
        let logs = proven.get(&header.number).map(|logs| receipts::concerning(logs, &self.watched));
        VerifiedBlock {
            number: header.number,
            hash,
            parent_hash: header.parent_hash,
            timestamp: header.timestamp,
            logs: logs.unwrap_or_default(),
        }
    }
}

/// Verifies `blocks`, downward from `to`'s hash (or from `last`, which has it and is appended).
fn link(
    blocks: &[Value],
    from: u64,
    to: BlockRef,
    last: Option<HashedHeader>,
) -> Result<Vec<HashedHeader>, SourceError> {
    let mut expected = last.as_ref().map_or(to.hash, |last| last.header.parent_hash);
    let mut headers: Vec<HashedHeader> = last.into_iter().collect();
    for (number, block) in (from..=to.number).zip(blocks).collect::<Vec<_>>().into_iter().rev() {
        if block.is_null() {
            return Err(SourceError::Silent(format!("it does not have block {number}")));
        }
        let verified =
            header::verify(block, expected).map_err(|problem| SourceError::Unproven(Lie::Header, problem))?;
        if verified.header.number != number {
            let problem = format!("block {} was sent for block {number}", verified.header.number);
            return Err(SourceError::Unproven(Lie::Header, problem));
        }
        expected = verified.header.parent_hash;
        headers.push(verified);
    }
    headers.reverse();
    Ok(headers)
}

/// The logs of blocks, each proven by its receipts root.
async fn prove(pool: &Pool, headers: Vec<HashedHeader>) -> Result<Proven, ChainError> {
    stream::iter(headers)
        .map(|header| async move {
            let logs = prove_one(pool, &header).await?;
            Ok((header.header.number, logs))
        })
        .buffered(RECEIPTS_AT_ONCE)
        .try_collect()
        .await
}

async fn prove_one(pool: &Pool, HashedHeader { header, .. }: &HashedHeader) -> Result<Vec<VerifiedLog>, ChainError> {
    if header.receipts_root == EMPTY_ROOT_HASH {
        return Ok(Vec::new());
    }
    pool.first(|endpoint| async move {
        let receipts = receipts_of(&endpoint, header.number).await?;
        receipts::verify(&receipts, header.receipts_root).map_err(|problem| {
            let problem = format!("block {}: {problem}", header.number);
            SourceError::Unproven(Lie::Receipts, problem)
        })
    })
    .await
}

/// A block's receipts as an endpoint gives them, by one call where it can.
pub(super) async fn receipts_of(endpoint: &Endpoint, number: u64) -> Result<Value, SourceError> {
    let block = format!("{number:#x}");
    if !endpoint.lacks_block_receipts() {
        match endpoint.call("eth_getBlockReceipts", json!([block])).await {
            Ok(Value::Null) => return Err(SourceError::Silent(format!("it does not have the receipts of {number}"))),
            Ok(receipts) => return Ok(receipts),
            Err(error) if error.is_unsupported() => endpoint.remember_lack_of_block_receipts(),
            Err(error) => return Err(error.into()),
        }
    }
    // Which transactions the block has is not proven, but what their receipts come to is.
    let block = endpoint.call("eth_getBlockByNumber", json!([block, false])).await?;
    let hashes = block.get("transactions").map(Vec::<B256>::deserialize).transpose();
    let hashes = hashes.map_err(|error| CallError::Malformed(error.to_string()))?.unwrap_or_default();
    let receipts =
        endpoint.batch("eth_getTransactionReceipt", hashes.iter().map(|hash| json!([hash])).collect()).await?;
    Ok(Value::Array(receipts))
}
