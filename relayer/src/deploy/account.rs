//! An account on a chain: counts its nonces itself, so that transactions can follow each other without waiting.

use std::time::Duration;

use alloy::{
    consensus::TxEnvelope,
    eips::{BlockNumberOrTag, Encodable2718},
    network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder},
    primitives::{Address, Bytes, TxHash, TxKind, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    transports::{RpcError, TransportErrorKind},
};
use metalayer_proto::ids::ChainId;

use super::TransactionError;

/// How long a transaction may take into a block.
const INCLUSION_MAX: Duration = Duration::from_secs(120);
/// How often its receipt is asked for: a tenth of the shortest block time.
const RECEIPT_POLL: Duration = Duration::from_millis(100);
/// How many blocks of rising base fee a transaction survives (EIP-1559): doubling takes six.
const BASE_FEE_HEADROOM: u128 = 2;
/// The gas of a transaction that only moves coin.
const TRANSFER_GAS: u64 = 21_000;

/// An account that sends transactions on one chain.
#[derive(Debug, Clone)]
pub struct Account {
    chain: ChainId,
    provider: DynProvider,
    wallet: EthereumWallet,
    address: Address,
    nonce: u64,
}

/// A transaction that was sent.
#[derive(Debug, Clone)]
pub struct Inclusion {
    what: String,
    hash: TxHash,
}

impl Inclusion {
    /// The transaction's hash.
    pub const fn hash(&self) -> TxHash {
        self.hash
    }
}

impl Account {
    /// The account of `signer` on the chain that the node at `url` serves.
    ///
    /// # Errors
    /// The URL is none, or the node does not answer.
    pub async fn connect(url: &str, signer: PrivateKeySigner) -> Result<Self, TransactionError> {
        let parsed = url.parse().map_err(|_| TransactionError::Url(url.to_owned()))?;
        let provider = ProviderBuilder::default().connect_http(parsed).erased();
        let chain = ChainId::new(provider.get_chain_id().await.map_err(node("the chain's id"))?)?;
        let address = signer.address();
        let nonce = provider.get_transaction_count(address).await.map_err(node("the account's nonce"))?;
        Ok(Self { chain, provider, wallet: signer.into(), address, nonce })
    }

    /// The chain.
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// The account.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The node, for reading.
    pub const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// The contract that this account's transaction creates after `ahead` others.
    pub fn creates(&self, ahead: u64) -> Address {
        self.address.create(self.nonce + ahead)
    }

    /// The gas that this would use now; an error with what a contract reverted with if it would.
    pub async fn estimate(&self, what: &str, to: TxKind, data: Bytes) -> Result<u64, TransactionError> {
        let request =
            TransactionRequest { to: Some(to), ..Default::default() }.with_from(self.address).with_input(data);
        self.provider.estimate_gas(request).await.map_err(|error| self.refused(what, error))
    }

    /// Sends without waiting, with as much gas as an estimate says and a quarter more.
    pub async fn send(&mut self, what: &str, to: TxKind, data: Bytes) -> Result<Inclusion, TransactionError> {
        let estimate = self.estimate(what, to, data.clone()).await?;
        self.send_with_gas(what, to, data, estimate + estimate / 4).await
    }

    /// Sends without waiting and without estimating.
    pub async fn send_with_gas(
        &mut self,
        what: &str,
        to: TxKind,
        data: Bytes,
        gas: u64,
    ) -> Result<Inclusion, TransactionError> {
        let request = TransactionRequest { to: Some(to), ..Default::default() }.with_gas_limit(gas).with_input(data);
        self.submit(what, request).await
    }

    /// Gives `to` what so much gas costs now, without waiting.
    pub async fn pay_for_gas(&mut self, to: Address, gas: u64) -> Result<Inclusion, TransactionError> {
        let (max_fee, _) = self.fees().await?;
        let coin = U256::from(max_fee).saturating_mul(U256::from(gas));
        let request = TransactionRequest::default().with_to(to).with_value(coin).with_gas_limit(TRANSFER_GAS);
        self.submit("giving coin to an account", request).await
    }

    async fn submit(&mut self, what: &str, request: TransactionRequest) -> Result<Inclusion, TransactionError> {
        let (max_fee, tip) = self.fees().await?;
        let request = request
            .with_chain_id(self.chain.get())
            .with_nonce(self.nonce)
            .with_max_fee_per_gas(max_fee)
            .with_max_priority_fee_per_gas(tip);
        let unsigned =
            |problem: String| TransactionError::Unsigned { chain: self.chain, what: what.to_owned(), problem };
        let signed: TxEnvelope = request.build(&self.wallet).await.map_err(|error| unsigned(error.to_string()))?;
        let sent = self.provider.send_raw_transaction(&signed.encoded_2718()).await;
        let _pending = sent.map_err(|error| self.refused(what, error))?;
        self.nonce += 1;
        Ok(Inclusion { what: what.to_owned(), hash: *signed.tx_hash() })
    }

    /// The receipt of a transaction that succeeded, once it is in a block.
    pub async fn included(&self, sent: &Inclusion) -> Result<TransactionReceipt, TransactionError> {
        let receipt = tokio::time::timeout(INCLUSION_MAX, self.receipt(sent.hash)).await.map_err(|_| {
            let (what, hash) = (sent.what.clone(), sent.hash);
            TransactionError::NotIncluded { chain: self.chain, what, hash, waited: INCLUSION_MAX }
        })??;
        if receipt.status() {
            Ok(receipt)
        } else {
            Err(TransactionError::Reverted { chain: self.chain, what: sent.what.clone(), hash: sent.hash })
        }
    }

    /// What a contract answers at the latest block.
    pub async fn call(&self, what: &str, to: Address, data: Bytes) -> Result<Bytes, TransactionError> {
        let request = TransactionRequest::default().with_from(self.address).with_to(to).with_input(data);
        self.provider.call(request).await.map_err(|error| self.refused(what, error))
    }

    async fn receipt(&self, hash: TxHash) -> Result<TransactionReceipt, TransactionError> {
        loop {
            let receipt = self.provider.get_transaction_receipt(hash).await;
            if let Some(receipt) = receipt.map_err(node("a transaction's receipt"))? {
                return Ok(receipt);
            }
            tokio::time::sleep(RECEIPT_POLL).await;
        }
    }

    async fn fees(&self) -> Result<(u128, u128), TransactionError> {
        let tip = self.provider.get_max_priority_fee_per_gas().await.map_err(node("the priority fee"))?;
        let latest =
            self.provider.get_block_by_number(BlockNumberOrTag::Latest).await.map_err(node("the latest block"))?;
        let base = latest.and_then(|block| block.header.base_fee_per_gas).unwrap_or_default();
        Ok((u128::from(base).saturating_mul(BASE_FEE_HEADROOM).saturating_add(tip), tip))
    }

    fn refused(&self, what: &str, error: RpcError<TransportErrorKind>) -> TransactionError {
        match error.as_error_resp() {
            Some(response) => TransactionError::WouldRevert {
                chain: self.chain,
                what: what.to_owned(),
                problem: response.message.to_string(),
                revert: response.as_revert_data().unwrap_or_default(),
            },
            None => TransactionError::Node { what: "a transaction", problem: without_url(&error) },
        }
    }
}

fn node(what: &'static str) -> impl Fn(RpcError<TransportErrorKind>) -> TransactionError {
    move |error| TransactionError::Node { what, problem: without_url(&error) }
}

/// What went wrong: a node's URL may hold its key, and the client's errors hold the URL (I12).
pub fn without_url(error: &RpcError<TransportErrorKind>) -> String {
    match error {
        RpcError::ErrorResp(response) => response.message.to_string(),
        RpcError::Transport(TransportErrorKind::HttpError(http)) => format!("HTTP status {}", http.status),
        RpcError::Transport(_) => "the node does not answer".to_owned(),
        _ => "the node's answer makes no sense".to_owned(),
    }
}
