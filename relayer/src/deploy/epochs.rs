//! Attesters at the hub's registry, and handing over to the next epoch.

use alloy::{
    primitives::{Address, B256, Bytes, TxKind, U256, aliases::U96},
    sol_types::SolCall,
};
use metalayer_proto::{
    batch::TransportKey,
    bls::{PossessionProof, PublicKey},
    quorum::{EpochTable, Stake},
};

use super::{Account, TransactionError, abi};

/// What an operator registers: the keys of its attester, and proof that it holds the first one's secret.
#[derive(Debug, Clone, Copy)]
pub struct Registration {
    /// The key that attestations are signed with.
    pub key: PublicKey,
    /// That the operator's attester has its secret: bound to the operator's account and the network.
    pub possession: PossessionProof,
    /// The key that batches are signed with.
    pub transport_key: TransportKey,
}

/// When an epoch's proofs hold, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From when on; at least the registry's overlap ahead.
    pub activates_at: u64,
    /// From when no more; at least 30 days later.
    pub expires_at: u64,
}

/// Registers the attester of `operator`, an account on the hub. It is no member of an epoch before it has a stake.
pub async fn register(
    operator: &mut Account,
    registry: Address,
    registration: &Registration,
) -> Result<(), TransactionError> {
    let call = abi::registerAttesterCall {
        key: registration.key.to_bytes().into(),
        possession: registration.possession.to_bytes().into(),
        transportKey: B256::from(registration.transport_key.0),
    };
    call_all(operator, registry, "registering an attester", [call.abi_encode()]).await
}

/// Sets what operators have at stake from the next epoch on; `None`: it leaves. `staker` has the registry's role.
pub async fn set_stakes(
    staker: &mut Account,
    registry: Address,
    stakes: &[(Address, Option<Stake>)],
) -> Result<(), TransactionError> {
    let call = |(operator, stake): &(Address, Option<Stake>)| {
        abi::setStakeCall { operator: *operator, stake: U96::from(stake.map_or(0, Stake::get)) }.abi_encode()
    };
    call_all(staker, registry, "setting a stake", stakes.iter().map(call)).await
}

/// Closes the next epoch with `table`, which must be exactly the attesters with a stake, and announces it to every chain.
/// `staker` has the registry's role.
///
/// What it tells the other chains is under way as messages then; a relayer brings the table to each of them.
pub async fn hand_over(
    staker: &mut Account,
    registry: Address,
    table: &EpochTable,
    times: Times,
) -> Result<(), TransactionError> {
    let header: Bytes = table.header().into();
    for (index, chunk) in table.chunks().enumerate() {
        // Each is checked after the one before it.
        let call = abi::closeEpochCall { header: header.clone(), index: U256::from(index), chunk: chunk.into() };
        call_all(staker, registry, "checking a chunk of the next epoch's table", [call.abi_encode()]).await?;
    }
    let Times { activates_at, expires_at } = times;
    let call = abi::announceEpochCall { tableHash: table.hash(), activatesAt: activates_at, expiresAt: expires_at };
    call_all(staker, registry, "announcing the next epoch", [call.abi_encode()]).await
}

/// Sends all, then waits for all.
async fn call_all(
    account: &mut Account,
    to: Address,
    what: &str,
    calls: impl IntoIterator<Item = Vec<u8>>,
) -> Result<(), TransactionError> {
    let mut sent = Vec::new();
    for call in calls {
        sent.push(account.send(what, TxKind::Call(to), call.into()).await?);
    }
    for inclusion in &sent {
        account.included(inclusion).await?;
    }
    Ok(())
}
