//! Transactions that are in no block yet.

use std::collections::BTreeMap;

use alloy::{
    consensus::{Transaction, TxEnvelope},
    eips::eip2718::Decodable2718,
    primitives::{Address, B256, Bytes, U256},
};

use super::{GAS_LIMIT, state::State};

/// The most transactions that wait.
const WAITING_MAX: usize = 1_024;
/// By how much, in per cent, both fees of a replacement must be higher.
const REPLACEMENT_RISE: u128 = 10;

/// A signed transaction.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub envelope: TxEnvelope,
    pub sender: Address,
    pub hash: B256,
}

/// Waiting transactions by sender and nonce, with the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    waiting: BTreeMap<(Address, u64), (u64, Signed)>,
    came: u64,
}

impl Signed {
    /// The transaction in `raw`; else what is wrong with it, in a node's words.
    pub(super) fn decode(raw: &Bytes, chain: u64) -> Result<Self, String> {
        let envelope = TxEnvelope::decode_2718(&mut raw.as_ref()).map_err(|error| format!("rlp: {error}"))?;
        let sender = envelope.signature().recover_address_from_prehash(&envelope.signature_hash());
        let sender = sender.map_err(|_| "invalid sender".to_owned())?;
        if envelope.is_eip4844() || envelope.is_eip7702() {
            return Err("transaction type not supported".to_owned());
        }
        if envelope.chain_id() != Some(chain) {
            return Err("invalid chain id for signer".to_owned());
        }
        Ok(Self { hash: *envelope.tx_hash(), envelope, sender })
    }

    fn replaces(&self, other: &Self) -> bool {
        let risen = |new: u128, old: u128| new >= old + old * REPLACEMENT_RISE / 100;
        let tip = |one: &Self| one.envelope.max_priority_fee_per_gas().unwrap_or(one.envelope.max_fee_per_gas());
        risen(self.envelope.max_fee_per_gas(), other.envelope.max_fee_per_gas()) && risen(tip(self), tip(other))
    }
}

impl Pool {
    /// Takes a transaction that `state` can run now or later; else why not, in a node's words.
    pub(super) fn add(&mut self, signed: Signed, state: &State) -> Result<B256, String> {
        let Signed { envelope, sender, hash } = &signed;
        let (hash, place) = (*hash, (*sender, envelope.nonce()));
        if envelope.nonce() < state.nonce(*sender) {
            return Err("nonce too low".to_owned());
        }
        if envelope.gas_limit() > GAS_LIMIT {
            return Err("exceeds block gas limit".to_owned());
        }
        let gas = U256::from(envelope.gas_limit()).saturating_mul(U256::from(envelope.max_fee_per_gas()));
        if state.balance(*sender) < gas.saturating_add(envelope.value()) {
            return Err("insufficient funds for gas * price + value".to_owned());
        }
        match self.waiting.get(&place) {
            Some((_, known)) if known.hash == hash => return Err("already known".to_owned()),
            Some((_, known)) if !signed.replaces(known) => return Err("replacement transaction underpriced".to_owned()),
            None if self.waiting.len() >= WAITING_MAX => return Err("txpool is full".to_owned()),
            _ => {}
        }
        self.came += 1;
        self.waiting.insert(place, (self.came, signed));
        Ok(hash)
    }

    /// The one that came first of those whose turn it is by their sender's nonce, and that fit.
    pub(super) fn next(&self, state: &State, base_fee: u128, gas_left: u64) -> Option<Signed> {
        let ready = self.waiting.iter().filter(|((sender, nonce), (_, signed))| {
            *nonce == state.nonce(*sender)
                && signed.envelope.max_fee_per_gas() >= base_fee
                && signed.envelope.gas_limit() <= gas_left
        });
        ready.min_by_key(|(_, (came, _))| *came).map(|(_, (_, signed))| signed.clone())
    }

    /// Forgets a transaction, and what can never run by `state`.
    pub(super) fn remove(&mut self, gone: &Signed, state: &State) {
        self.waiting.retain(|(sender, nonce), (_, signed)| signed.hash != gone.hash && *nonce >= state.nonce(*sender));
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
