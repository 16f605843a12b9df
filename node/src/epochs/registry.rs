//! An epoch from the logs of the hub's registry, from whomever they come: attesters, stakes, and the announcement that closes it.

use std::{collections::BTreeMap, sync::Arc};

use alloy::{
    primitives::{Address, B256, Bytes, Log},
    sol_types::SolEvent,
};
use metalayer_proto::{
    batch::TransportKey,
    bls::{BlsError, PublicKey},
    events::abi::{AttesterRegistered, EpochAnnounced, StakeSet},
    facts::EpochEntry,
    quorum::{EpochTable, InvalidStake, Member, Stake, TableError},
};

use super::Epoch;

/// Why logs do not tell an epoch that was announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RebuildError {
    /// They hold no such announcement.
    #[error("the logs do not announce the epoch")]
    NotAnnounced,
    /// A key is none.
    #[error(transparent)]
    Key(#[from] BlsError),
    /// A stake is none.
    #[error(transparent)]
    Stake(#[from] InvalidStake),
    /// Those with a stake are no table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// They are another table than the one that was announced.
    #[error("the logs make a table of hash {0}")]
    Hash(B256),
}

/// An operator's attester as the registry has it.
struct Attester {
    key: Bytes,
    transport_key: B256,
    stake: u128,
}

/// All epochs that `logs` announce.
pub(super) fn announced(logs: &[Log]) -> Vec<(u64, EpochEntry)> {
    let entry = |event: EpochAnnounced| {
        let EpochAnnounced { epoch, tableHash: table_hash, activatesAt: activates_at, expiresAt: expires_at } = event;
        (epoch, EpochEntry { table_hash, activates_at, expires_at })
    };
    logs.iter().filter_map(read).map(entry).collect()
}

/// Epoch `number` as `logs`, all of the registry's in order, tell it; an error unless it is the one that was announced.
pub(super) fn rebuild(logs: &[Log], number: u64, announced: &EpochEntry) -> Result<Epoch, RebuildError> {
    let mut attesters: BTreeMap<Address, Attester> = BTreeMap::new();
    for log in logs {
        if let Some(AttesterRegistered { operator, key, transportKey: transport_key, .. }) = read(log) {
            attesters.insert(operator, Attester { key, transport_key, stake: 0 });
        } else if let Some(StakeSet { operator, stake }) = read(log) {
            if let Some(attester) = attesters.get_mut(&operator) {
                attester.stake = stake.to();
            }
        } else if let Some(EpochAnnounced { epoch, tableHash: table_hash, .. }) = read(log)
            && (epoch, table_hash) == (number, announced.table_hash)
        {
            return build(attesters.values().filter(|attester| attester.stake != 0), number, announced);
        }
    }
    Err(RebuildError::NotAnnounced)
}

fn read<E: SolEvent>(log: &Log) -> Option<E> {
    E::decode_log(log).ok().map(|log| log.data)
}

fn build<'a>(
    attesters: impl Iterator<Item = &'a Attester>,
    number: u64,
    announced: &EpochEntry,
) -> Result<Epoch, RebuildError> {
    let (mut members, mut keys) = (Vec::new(), BTreeMap::new());
    for attester in attesters {
        let member = Member { key: PublicKey::from_bytes(&attester.key)?, stake: Stake::new(attester.stake)? };
        keys.insert(TransportKey(attester.transport_key.0), member.key);
        members.push(member);
    }
    let table = EpochTable::new(number, members)?;
    if table.hash() != announced.table_hash {
        return Err(RebuildError::Hash(table.hash()));
    }
    let EpochEntry { activates_at, expires_at, .. } = *announced;
    Ok(Epoch { table: Arc::new(table), activates_at, expires_at, keys })
}
