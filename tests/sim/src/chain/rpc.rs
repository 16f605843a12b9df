//! What a node answers.

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes, TxKind, U64},
    rpc::types::{Filter, FilterBlockOption, TransactionRequest},
};
use revm::context::result::ExecutionResult;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    GAS_LIMIT,
    evm::{self, Call},
    json,
    node::Node,
    pool::Signed,
};

/// What every transaction offers the block's maker at least, in wei a unit of gas.
const TIP: u128 = 1_000_000_000;
/// How much more than needed an estimate may be, in per cent; nodes stop searching there.
const ESTIMATE_SLACK: u64 = 2;

/// Why there is no answer.
struct Failure {
    code: i64,
    message: String,
    data: Option<Bytes>,
}

type Answer = Result<Value, Failure>;

impl Failure {
    fn of(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    fn refused(message: String) -> Self {
        Self::of(-32_000, message)
    }

    fn reverted(output: Bytes) -> Self {
        Self { code: 3, message: "execution reverted".to_owned(), data: Some(output) }
    }
}

/// The answer to one request, or to each of a batch.
pub(super) fn answer(node: &mut Node, request: &Value) -> Value {
    match request {
        Value::Array(calls) => calls.iter().map(|call| one(node, call)).collect(),
        call => one(node, call),
    }
}

fn one(node: &mut Node, call: &Value) -> Value {
    let method = call["method"].as_str().unwrap_or_default();
    match result(node, method, &call["params"]) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }),
        Err(Failure { code, message, data }) => {
            let mut error = json!({ "code": code, "message": message });
            if let Some(data) = data {
                error["data"] = json!(data);
            }
            json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })
        }
    }
}

fn result(node: &mut Node, method: &str, params: &Value) -> Answer {
    match method {
        "eth_chainId" => Ok(quantity(node.chain.get())),
        "eth_blockNumber" => Ok(quantity(node.latest().header.number)),
        "eth_getBlockByNumber" => Ok(node.tagged(param(params, 0)?).map_or(Value::Null, json::block)),
        "eth_getBlockReceipts" => Ok(node.tagged(param(params, 0)?).map_or(Value::Null, json::receipts)),
        "eth_getTransactionReceipt" => {
            let found = node.transaction(param(params, 0)?);
            Ok(found.map_or(Value::Null, |(block, place)| json::receipt(block, place)))
        }
        "eth_getLogs" => logs(node, &param(params, 0)?),
        "eth_call" => call(node, param(params, 0)?, params),
        "eth_estimateGas" => estimate(node, param(params, 0)?, params),
        "eth_sendRawTransaction" => send(node, &param(params, 0)?),
        "eth_maxPriorityFeePerGas" => Ok(json!(format!("{TIP:#x}"))),
        "eth_getTransactionCount" => {
            at_latest(node, params).map(|()| Ok(quantity(node.state.nonce(param(params, 0)?))))?
        }
        "eth_getBalance" => at_latest(node, params).map(|()| Ok(json!(node.state.balance(param(params, 0)?))))?,
        "eth_getCode" => at_latest(node, params).map(|()| Ok(json!(node.state.code(param(params, 0)?))))?,
        _ => Err(Failure::of(-32_601, format!("the method {method} does not exist/is not available"))),
    }
}

fn quantity(number: u64) -> Value {
    json!(U64::from(number))
}

fn param<T: DeserializeOwned>(params: &Value, place: usize) -> Result<T, Failure> {
    serde_json::from_value(params[place].clone())
        .map_err(|error| Failure::of(-32_602, format!("invalid argument {place}: {error}")))
}

/// That what is asked is asked of the newest block: nodes that keep no old state are enough.
fn at_latest(node: &Node, params: &Value) -> Result<(), Failure> {
    let tag: Option<BlockNumberOrTag> = param(params, 1)?;
    match tag.unwrap_or_default() {
        BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => Ok(()),
        BlockNumberOrTag::Number(number) if number == node.latest().header.number => Ok(()),
        other => Err(Failure::refused(format!("missing trie node: the state of block {other} is not kept"))),
    }
}

fn logs(node: &Node, filter: &Filter) -> Answer {
    let FilterBlockOption::Range { from_block, to_block } = filter.block_option else {
        return Err(Failure::of(-32_602, "only a range of blocks is served"));
    };
    let number = |tag: Option<BlockNumberOrTag>| {
        let tag = tag.unwrap_or_default();
        tag.as_number().or_else(|| node.tagged(tag).map(|block| block.header.number)).unwrap_or_default()
    };
    let to = number(to_block).min(node.latest().header.number);
    let blocks = (number(from_block)..=to).filter_map(|number| node.block(number));
    let found = blocks.filter(|block| !block.transactions.is_empty()).flat_map(json::logs);
    Ok(found.filter(|log| filter.matches(&log.inner)).map(|log| json!(log)).collect())
}

fn call(node: &Node, request: TransactionRequest, params: &Value) -> Answer {
    at_latest(node, params)?;
    match run(node, &request, request.gas.unwrap_or(GAS_LIMIT))? {
        ExecutionResult::Success { output, .. } => Ok(json!(output.into_data())),
        ExecutionResult::Revert { output, .. } => Err(Failure::reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(Failure::refused(reason.to_string())),
    }
}

/// The least gas with which the call succeeds, about: a contract may ask how much it has, so what was used says too little.
fn estimate(node: &Node, request: TransactionRequest, params: &Value) -> Answer {
    at_latest(node, params)?;
    let mut enough = request.gas.unwrap_or(GAS_LIMIT);
    let mut short = match run(node, &request, enough)? {
        ExecutionResult::Success { gas, .. } => gas.tx_gas_used().saturating_sub(1),
        ExecutionResult::Revert { output, .. } => return Err(Failure::reverted(output)),
        ExecutionResult::Halt { reason, .. } => return Err(Failure::refused(reason.to_string())),
    };
    // A guess that mostly holds: each call inside keeps a 64th back.
    let mut guess = (short + 1) * 64 / 63 + 2_300;
    while enough - short > enough * ESTIMATE_SLACK / 100 {
        let gas = if guess > short && guess < enough { guess } else { short.midpoint(enough) };
        guess = 0;
        if matches!(run(node, &request, gas), Ok(ExecutionResult::Success { .. })) {
            enough = gas;
        } else {
            short = gas;
        }
    }
    Ok(quantity(enough))
}

fn run(node: &Node, request: &TransactionRequest, gas: u64) -> Result<ExecutionResult, Failure> {
    let call = Call {
        from: request.from.unwrap_or(Address::ZERO),
        to: request.to.unwrap_or(TxKind::Create),
        data: request.input.input().cloned().unwrap_or_default(),
        value: request.value.unwrap_or_default(),
        gas,
    };
    evm::call(&node.state, node.chain.get(), &node.latest().header, call).map_err(Failure::refused)
}

fn send(node: &mut Node, raw: &Bytes) -> Answer {
    let signed = Signed::decode(raw, node.chain.get()).map_err(Failure::refused)?;
    if node.transaction(signed.hash).is_some() {
        return Err(Failure::refused("already known".to_owned()));
    }
    let hash: B256 = node.pool.add(signed, &node.state).map_err(Failure::refused)?;
    Ok(json!(hash))
}
