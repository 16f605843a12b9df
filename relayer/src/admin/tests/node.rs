//! A node that tells what it is told to tell.

use std::sync::Mutex;

use alloy::{
    primitives::{Bytes, TxHash, U256},
    sol_types::SolCall,
};
use async_trait::async_trait;
use metalayer_node::chain::{ChainError, Fees, Head, Receipt};
use metalayer_proto::events::abi::feesPaidCall;

use super::*;

pub(super) struct Node {
    chain: ChainId,
    /// What the gateway would revert with.
    pub(super) reverts: Mutex<Option<Bytes>>,
    /// All that it has paid for the other chain.
    pub(super) paid: Mutex<U256>,
}

impl Node {
    pub(super) fn new(chain: u64) -> Self {
        Self { chain: ChainId::new(chain).unwrap(), reverts: Mutex::default(), paid: Mutex::default() }
    }
}

#[async_trait]
impl ChainWriter for Node {
    fn chain(&self) -> ChainId {
        self.chain
    }

    async fn estimate(&self, from: Address, to: Address, _data: Bytes) -> Result<u64, ChainError> {
        assert_eq!((from, to), (ACCOUNT, gateway(self.chain.get()).gateway));
        match self.reverts.lock().unwrap().clone() {
            Some(revert) => Err(ChainError::Refused { chain: self.chain, problem: "reverted".into(), revert }),
            None => Ok(100_000),
        }
    }

    async fn call(&self, _from: Address, to: Address, data: Bytes) -> Result<Bytes, ChainError> {
        assert_eq!(to, gateway(self.chain.get()).gateway);
        assert_eq!(feesPaidCall::abi_decode(&data).unwrap().executor, ACCOUNT);
        Ok(feesPaidCall::abi_encode_returns(&*self.paid.lock().unwrap()).into())
    }

    async fn nonce(&self, _account: Address) -> Result<u64, ChainError> {
        unreachable!("nothing is sent from here")
    }

    async fn fees(&self) -> Result<Fees, ChainError> {
        unreachable!("nothing is sent from here")
    }

    async fn latest(&self) -> Result<Head, ChainError> {
        unreachable!("nothing is sent from here")
    }

    async fn send_raw(&self, _raw: Bytes) -> Result<TxHash, ChainError> {
        unreachable!("nothing is sent from here")
    }

    async fn receipt(&self, _hash: TxHash) -> Result<Option<Receipt>, ChainError> {
        unreachable!("nothing is sent from here")
    }

    async fn balance(&self, _account: Address) -> Result<U256, ChainError> {
        unreachable!("nothing is sent from here")
    }
}
