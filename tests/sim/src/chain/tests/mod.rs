//! What the daemons use of a chain, on this one.

#![allow(clippy::unwrap_used, clippy::panic)]

mod blocks;
mod reader;
mod writer;

use std::{sync::Arc, time::Duration};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    network::TxSignerSync,
    primitives::{B256, TxKind, hex},
    signers::local::PrivateKeySigner,
};
use async_trait::async_trait;
use metalayer_node::chain::{CallError, Endpoint, ReaderMetrics, RpcWriter, Transport};

use super::*;

const DEADLINE: Duration = Duration::from_secs(5);
const GENESIS_S: u64 = 1_800_000_000;

fn chain_id() -> ChainId {
    ChainId::new(901).unwrap()
}

/// Who has coin.
fn rich() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap()
}

/// A chain with somebody rich on it.
fn chain() -> SimChain {
    SimChain::new(chain_id(), GENESIS_S, &[(rich().address(), U256::from(10).pow(U256::from(24)))])
}

/// The way to an honest node.
struct Direct(SimChain);

#[async_trait]
impl Transport for Direct {
    async fn exchange(&self, request: &Value) -> Result<Value, CallError> {
        Ok(self.0.answer(request))
    }
}

/// So many honest nodes of a chain.
fn endpoints(chain: &SimChain, nodes: usize) -> Vec<Arc<Endpoint>> {
    let metrics = ReaderMetrics::unregistered(chain.chain()).unwrap();
    let endpoint = |number| {
        let transport = Box::new(Direct(chain.clone()));
        Arc::new(Endpoint::over(format!("sim://{number}"), transport, DEADLINE, metrics.clone()))
    };
    (0..nodes).map(endpoint).collect()
}

fn writer(chain: &SimChain) -> RpcWriter {
    RpcWriter::new(chain.chain(), endpoints(chain, 1))
}

/// A transaction of whoever is rich.
struct Transaction {
    nonce: u64,
    to: Address,
    data: Bytes,
    gas: u64,
    /// What it pays at most, and all of it to the block's maker if nobody else wants it: gwei a unit of gas.
    gwei: u128,
}

impl Transaction {
    fn new(nonce: u64, to: Address) -> Self {
        Self { nonce, to, data: Bytes::new(), gas: 100_000, gwei: 10 }
    }

    fn sign(self) -> Bytes {
        let fee = self.gwei * 1_000_000_000;
        let mut transaction = TxEip1559 {
            chain_id: chain_id().get(),
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: fee,
            to: TxKind::Call(self.to),
            input: self.data,
            ..TxEip1559::default()
        };
        let signature = rich().sign_transaction_sync(&mut transaction).unwrap();
        TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
    }
}

/// Logs what it is called with: the first word as topic, everything as data.
fn logger(chain: &SimChain, address: Address) -> Address {
    chain.set_code(address, Bytes::from(hex!("365f5f375f35365fa100")));
    address
}

/// Counts how often it was called, in its first slot.
fn counter(chain: &SimChain, address: Address) -> Address {
    chain.set_code(address, Bytes::from(hex!("5f546001015f5500")));
    address
}
