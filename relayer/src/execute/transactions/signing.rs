//! From a call to signed bytes, and back.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::{Decodable2718, Encodable2718},
    network::TxSignerSync,
    primitives::{Address, Bytes, TxHash, TxKind, U256},
    signers::{Error, local::PrivateKeySigner},
};
use metalayer_proto::ids::ChainId;

use super::pricing::Price;

/// A call that a transaction makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::execute) struct Call {
    pub(in crate::execute) to: Address,
    pub(in crate::execute) data: Bytes,
    pub(in crate::execute) gas: u64,
}

/// A call with its place and its price.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unsigned {
    pub(super) nonce: u64,
    pub(super) call: Call,
    pub(super) price: Price,
}

/// Signs a transaction; its hash, and the bytes to broadcast.
pub(super) fn sign(key: &PrivateKeySigner, chain: ChainId, unsigned: &Unsigned) -> Result<(TxHash, Bytes), Error> {
    let Unsigned { nonce, call, price } = unsigned;
    let mut transaction = TxEip1559 {
        chain_id: chain.get(),
        nonce: *nonce,
        gas_limit: call.gas,
        max_fee_per_gas: price.max_fee,
        max_priority_fee_per_gas: price.tip,
        to: TxKind::Call(call.to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: call.data.clone(),
    };
    let signature = key.sign_transaction_sync(&mut transaction)?;
    let signed = TxEnvelope::from(transaction.into_signed(signature));
    Ok((*signed.tx_hash(), signed.encoded_2718().into()))
}

/// Why journaled bytes are none of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotOurs {
    #[error("not the bytes of an EIP-1559 call")]
    Malformed,
    #[error("for chain {0}")]
    OtherChain(u64),
    #[error("not signed by {0}")]
    OtherAccount(Address),
}

/// What `raw` does, if `account` has signed it for `chain`. The bus is not believed (I7).
pub(super) fn read(raw: &[u8], chain: ChainId, account: Address) -> Result<(TxHash, Unsigned), NotOurs> {
    let Ok(TxEnvelope::Eip1559(signed)) = TxEnvelope::decode_2718_exact(raw) else { return Err(NotOurs::Malformed) };
    let (transaction, hash) = (signed.tx(), *signed.hash());
    let TxKind::Call(to) = transaction.to else { return Err(NotOurs::Malformed) };
    if transaction.chain_id != chain.get() {
        return Err(NotOurs::OtherChain(transaction.chain_id));
    }
    let signer = signed.signature().recover_address_from_prehash(&signed.signature_hash());
    if signer.ok() != Some(account) {
        return Err(NotOurs::OtherAccount(account));
    }
    let call = Call { to, data: transaction.input.clone(), gas: transaction.gas_limit };
    let price = Price { max_fee: transaction.max_fee_per_gas, tip: transaction.max_priority_fee_per_gas };
    Ok((hash, Unsigned { nonce: transaction.nonce, call, price }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn what_was_signed_is_read_back_and_nobody_elses_is_ours() {
        let key = PrivateKeySigner::from_slice(&[1; 32]).unwrap();
        let (here, there) = (ChainId::new(902).unwrap(), ChainId::new(903).unwrap());
        let call = Call { to: Address::repeat_byte(2), data: Bytes::from_static(b"data"), gas: 21_000 };
        let unsigned = Unsigned { nonce: 7, call, price: Price { max_fee: 9, tip: 3 } };
        let (hash, raw) = sign(&key, here, &unsigned).unwrap();
        assert_eq!(read(&raw, here, key.address()).unwrap(), (hash, unsigned));
        assert!(matches!(read(&raw, there, key.address()), Err(NotOurs::OtherChain(902))));
        assert!(matches!(read(&raw, here, Address::ZERO), Err(NotOurs::OtherAccount(_))));
        assert!(matches!(read(&raw[1..], here, key.address()), Err(NotOurs::Malformed)));
    }
}
