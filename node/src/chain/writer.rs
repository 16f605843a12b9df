//! A node through which transactions are sent. What it says is believed only for what costs nobody but the sender.

use std::sync::Arc;

use alloy::{
    primitives::{Address, B256, Bytes, TxHash, U64, U256, keccak256},
    rpc::types::TransactionReceipt,
    sol_types::decode_revert_reason,
};
use async_trait::async_trait;
use metalayer_proto::ids::ChainId;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    BlockRef, ChainError, ChainWriter, Fees, Head, Receipt,
    endpoint::{CallError, Endpoint},
};

/// How many blocks of base-fee growth a transaction survives: 12.5 % a block at most (EIP-1559), so doubling is six.
const BASE_FEE_HEADROOM: u128 = 2;

/// A [`ChainWriter`] over one or more endpoints, tried in order: the next is asked when one does not answer.
#[derive(Debug)]
pub struct RpcWriter {
    chain: ChainId,
    endpoints: Vec<Arc<Endpoint>>,
}

impl RpcWriter {
    /// A writer to `chain` through `endpoints`.
    pub fn new(chain: ChainId, endpoints: Vec<Arc<Endpoint>>) -> Self {
        Self { chain, endpoints }
    }

    async fn ask<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, ChainError> {
        let mut failures = Vec::new();
        for endpoint in &self.endpoints {
            let answer = endpoint.call(method, params.clone()).await.and_then(|value| {
                serde_json::from_value(value).map_err(|error| CallError::Malformed(format!("{method}: {error}")))
            });
            match answer {
                Ok(value) => return Ok(value),
                Err(CallError::Rpc { code, message, data }) if !is_passing(code, &message) => {
                    return Err(self.refused(&message, data));
                }
                Err(error) => failures.push(format!("{}: {error}", endpoint.name())),
            }
        }
        let detail = format!("; {}", failures.join("; "));
        Err(ChainError::TooFewAnswers { chain: self.chain, answered: 0, needed: 1, detail })
    }

    fn refused(&self, message: &str, data: Option<Value>) -> ChainError {
        let revert = data.as_ref().and_then(revert_data).unwrap_or_default();
        let mut problem = message.to_owned();
        if let Some(reason) = decode_revert_reason(&revert).filter(|reason| !message.contains(reason)) {
            problem = format!("{problem}: {reason}");
        }
        if !revert.is_empty() {
            problem = format!("{problem} ({revert})");
        }
        ChainError::Refused { chain: self.chain, problem, revert }
    }

    async fn block(&self, tag: &str) -> Result<LatestBlock, ChainError> {
        self.ask("eth_getBlockByNumber", json!([tag, false])).await
    }
}

/// What of the latest block a sender needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LatestBlock {
    number: U64,
    hash: B256,
    timestamp: U64,
    gas_limit: U64,
    base_fee_per_gas: Option<U256>,
}

/// Errors of the node, not of the transaction: limits, overload, a method that is not there.
fn is_passing(code: i64, message: &str) -> bool {
    const LIMIT_EXCEEDED: i64 = -32005;
    const METHOD_NOT_FOUND: i64 = -32601;
    const INTERNAL: i64 = -32603;
    let reverted = message.contains("revert");
    matches!(code, LIMIT_EXCEEDED | METHOD_NOT_FOUND | 429) || (code == INTERNAL && !reverted)
}

/// The revert's data, as geth (`data: "0x…"`) or others (`data: { data: "0x…" }`) send it.
fn revert_data(data: &Value) -> Option<Bytes> {
    Bytes::deserialize(data).ok().or_else(|| Bytes::deserialize(data.get("data")?).ok())
}

/// The words by which nodes say that they have this very transaction.
fn is_already_known(problem: &str) -> bool {
    let words = problem.to_ascii_lowercase();
    ["already known", "already imported", "alreadyknown", "known transaction", "already exists"]
        .iter()
        .any(|said| words.contains(said))
}

#[async_trait]
impl ChainWriter for RpcWriter {
    fn chain(&self) -> ChainId {
        self.chain
    }

    async fn nonce(&self, account: Address) -> Result<u64, ChainError> {
        self.ask::<U64>("eth_getTransactionCount", json!([account, "latest"])).await.map(|nonce| nonce.to())
    }

    async fn fees(&self) -> Result<Fees, ChainError> {
        let (block, tip) = tokio::try_join!(self.block("latest"), self.ask("eth_maxPriorityFeePerGas", json!([])))?;
        let base_fee_per_gas: u128 = block.base_fee_per_gas.unwrap_or_default().saturating_to();
        let max_priority_fee_per_gas = U256::saturating_to(&tip);
        let base_fees = base_fee_per_gas.saturating_mul(BASE_FEE_HEADROOM);
        let max_fee_per_gas = base_fees.saturating_add(max_priority_fee_per_gas);
        Ok(Fees { base_fee_per_gas, max_fee_per_gas, max_priority_fee_per_gas })
    }

    async fn latest(&self) -> Result<Head, ChainError> {
        let LatestBlock { number, hash, timestamp, gas_limit, .. } = self.block("latest").await?;
        let block = BlockRef { number: number.to(), hash };
        Ok(Head { block, timestamp: timestamp.to(), gas_limit: gas_limit.to() })
    }

    async fn estimate(&self, from: Address, to: Address, data: Bytes) -> Result<u64, ChainError> {
        let call = json!([{ "from": from, "to": to, "data": data }]);
        self.ask::<U64>("eth_estimateGas", call).await.map(|gas| gas.to())
    }

    async fn call(&self, from: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        self.ask("eth_call", json!([{ "from": from, "to": to, "data": data }, "latest"])).await
    }

    async fn send_raw(&self, raw: Bytes) -> Result<TxHash, ChainError> {
        match self.ask("eth_sendRawTransaction", json!([raw])).await {
            Err(ChainError::Refused { problem, .. }) if is_already_known(&problem) => Ok(keccak256(&raw)),
            other => other,
        }
    }

    async fn receipt(&self, hash: TxHash) -> Result<Option<Receipt>, ChainError> {
        let receipt: Option<TransactionReceipt> = self.ask("eth_getTransactionReceipt", json!([hash])).await?;
        Ok(receipt.and_then(|receipt| {
            let block = BlockRef { number: receipt.block_number?, hash: receipt.block_hash? };
            let (success, gas_used) = (receipt.inner.status(), receipt.gas_used);
            let logs = receipt.inner.into_logs().into_iter().map(|log| log.inner).collect();
            Some(Receipt { hash, block, success, gas_used, logs })
        }))
    }

    async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.ask("eth_getBalance", json!([account, "latest"])).await
    }
}
