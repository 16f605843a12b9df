//! The epoch after the first: the attesters stand in the hub's registry with other stakes, and the set is handed over to them.

use std::time::{Duration, Instant};

use alloy::{eips::BlockNumberOrTag, primitives::Address, providers::Provider, sol_types::SolCall};
use futures::future::try_join_all;
use metalayer_node::signer::AttesterSigner;
use metalayer_proto::{bls::PossessionProof, events::abi::epochCall, ids::NetworkId, quorum::EpochTable};
use relayer::deploy::{self, Account, Registration, Times, TransactionError, without_url};

use super::{Attester, Chain, DAY_S, EPOCH, NetworkError, members};

/// What an operator spends at the hub: one transaction with a pairing.
const OPERATOR_GAS: u64 = 2_000_000;
/// How long before it begins an epoch is announced.
pub(super) const OVERLAP_S: u64 = 10;
/// How long an epoch lives.
pub(super) const LIFE_S: u64 = 30 * DAY_S;
/// How many blocks of the hub handing over takes at most.
const BLOCKS_MAX: u32 = 5;

/// The next epoch, whose members are registered.
#[derive(Debug)]
pub struct Succession {
    registry: Address,
    pub(super) table: EpochTable,
    /// How long a transaction takes at the hub.
    block: Duration,
}

impl Succession {
    /// Registers `attesters` at the hub, each by its operator's account, with the stakes that they have in the next epoch.
    pub(super) async fn register(
        hub: &mut Account,
        url: &str,
        network: NetworkId,
        registry: Address,
        attesters: &[Attester],
    ) -> Result<Self, NetworkError> {
        let mut given = Vec::new();
        for attester in attesters {
            given.push(hub.pay_for_gas(attester.operator.address(), OPERATOR_GAS).await?);
        }
        for inclusion in &given {
            hub.included(inclusion).await?;
        }
        try_join_all(attesters.iter().map(async |attester| {
            let mut operator = Account::connect(url, attester.operator.clone()).await?;
            let registration = Registration {
                key: attester.signer.public_key(),
                possession: PossessionProof::new(attester.signer.secret_key(), network, operator.address()),
                transport_key: attester.signer.transport_key(),
            };
            deploy::register(&mut operator, registry, &registration).await
        }))
        .await?;

        let next = members::next_stakes(attesters);
        let table = EpochTable::new(EPOCH + 1, next.iter().map(|(attester, stake)| attester.member(*stake)).collect())?;
        let stakes: Vec<_> = next.iter().map(|(attester, stake)| (attester.operator.address(), Some(*stake))).collect();
        let begun = Instant::now();
        deploy::set_stakes(hub, registry, &stakes).await?;
        Ok(Self { registry, table, block: begun.elapsed().max(Duration::from_secs(1)) })
    }

    /// The epoch's number.
    pub fn epoch(&self) -> u64 {
        self.table.epoch()
    }

    /// Announces the epoch.
    pub async fn hand_over(&self, hub: &mut Account) -> Result<(), TransactionError> {
        let activates_at = now_on(hub).await? + OVERLAP_S + (BLOCKS_MAX * self.block).as_secs();
        let times = Times { activates_at, expires_at: activates_at + LIFE_S };
        deploy::hand_over(hub, self.registry, &self.table, times).await
    }

    /// Whether proofs of the epoch hold on a chain: its table is loaded and its time has come.
    pub async fn holds_on(&self, chain: &Chain, account: &Account) -> Result<bool, TransactionError> {
        let call = epochCall { number: self.table.epoch() }.abi_encode();
        let answer = account.call("reading the epoch", chain.deployment.addresses.attester_set, call.into()).await?;
        let Ok(epoch) = epochCall::abi_decode_returns(&answer) else { return Ok(false) };
        Ok(epoch.members == self.table.len() && epoch.activatesAt <= now_on(account).await?)
    }
}

/// The time of an account's chain.
async fn now_on(account: &Account) -> Result<u64, TransactionError> {
    let node = |problem| TransactionError::Node { what: "the latest block", problem };
    let latest = account.provider().get_block_by_number(BlockNumberOrTag::Latest).await;
    let latest = latest.map_err(|error| node(without_url(&error)))?;
    latest.map(|block| block.header.timestamp).ok_or_else(|| node("the node has no block".to_owned()))
}
