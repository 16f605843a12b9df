//! Running transactions and calls: Prague's rules with the precompiles of EIP-2537, the chain's clock in the block.

use alloy::{
    consensus::{Header, Transaction, TxEnvelope},
    primitives::{Address, Bytes, TxKind, U256},
};
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, ResultAndState},
    },
    database_interface::WrapDatabaseRef,
    primitives::hardfork::SpecId,
};

use super::state::State;

/// A call that leaves nothing behind.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub from: Address,
    pub to: TxKind,
    pub data: Bytes,
    pub value: U256,
    pub gas: u64,
}

/// Runs a transaction in the block that `header` begins; the words say why it cannot be in any block.
pub(super) fn transact(
    state: &State,
    chain: u64,
    header: &Header,
    transaction: &TxEnvelope,
    sender: Address,
) -> Result<ResultAndState, String> {
    let priority = transaction.max_priority_fee_per_gas();
    run(
        state,
        chain,
        block(header),
        TxEnv {
            tx_type: transaction.tx_type() as u8,
            caller: sender,
            gas_limit: transaction.gas_limit(),
            gas_price: transaction.max_fee_per_gas(),
            gas_priority_fee: priority,
            kind: transaction.kind(),
            value: transaction.value(),
            data: transaction.input().clone(),
            nonce: transaction.nonce(),
            chain_id: transaction.chain_id(),
            access_list: transaction.access_list().cloned().unwrap_or_default(),
            ..TxEnv::default()
        },
    )
}

/// Runs a call on top of the block of `header`, for nothing.
pub(super) fn call(state: &State, chain: u64, header: &Header, call: Call) -> Result<ExecutionResult, String> {
    let Call { from, to, data, value, gas } = call;
    let transaction = TxEnv {
        caller: from,
        gas_limit: gas,
        kind: to,
        value,
        data,
        nonce: state.nonce(from),
        chain_id: Some(chain),
        ..TxEnv::default()
    };
    // Who pays nothing for gas would be refused at any base fee.
    let block = BlockEnv { basefee: 0, ..block(header) };
    run(state, chain, block, transaction).map(|outcome| outcome.result)
}

fn block(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        prevrandao: Some(header.mix_hash),
        ..BlockEnv::default()
    }
}

fn run(state: &State, chain: u64, block: BlockEnv, transaction: TxEnv) -> Result<ResultAndState, String> {
    let mut evm = Context::mainnet()
        .with_db(WrapDatabaseRef(state))
        .with_cfg(CfgEnv::new_with_spec(SpecId::PRAGUE).with_chain_id(chain))
        .with_block(block)
        .build_mainnet();
    evm.transact(transaction).map_err(|error| match error {
        EVMError::Transaction(invalid) => invalid.to_string(),
        other => other.to_string(),
    })
}
