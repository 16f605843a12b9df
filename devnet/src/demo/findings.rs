//! What is asked once all is over: supplies, receipts, the collector.

use std::{collections::BTreeMap, time::Duration};

use alloy::{consensus::Transaction, primitives::U256, providers::Provider, sol_types::SolCall};
use metalayer_proto::{events::abi::acceptAndDeliverCall, ids::ChainId, quorum::QuorumProof};
use relayer::deploy::without_url;
use serde::Deserialize;

use super::DemoError;
use crate::{
    era,
    network::Network,
    observer::{Delivery, Seen},
    report::Deliveries,
};

/// How long the collector may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The supply of $ERA on each chain.
pub(super) async fn supplies(network: &Network) -> Result<BTreeMap<ChainId, U256>, DemoError> {
    let mut supplies = BTreeMap::new();
    for (chain, account) in network.chains.iter().zip(&network.treasurers) {
        supplies.insert(chain.node.chain, era::supply(account, chain.deployment.addresses.era).await?);
    }
    Ok(supplies)
}

/// What the transactions that delivered used, and which epoch's proofs they brought.
pub(super) async fn deliveries(network: &Network, seen: &Seen) -> Result<Deliveries, DemoError> {
    let mut deliveries = Deliveries::default();
    for Delivery { lane, transaction, .. } in seen.deliveries() {
        let unread = |problem: String| DemoError::Delivery(transaction, problem);
        let missing = || unread("it is in no block".to_owned());
        let Some(chain) = network.chain(lane.destination.chain) else { continue };
        let provider = chain.node.provider().map_err(unread)?;
        let receipt =
            provider.get_transaction_receipt(transaction).await.map_err(|error| unread(without_url(&error)))?;
        let sent = provider.get_transaction_by_hash(transaction).await.map_err(|error| unread(without_url(&error)))?;
        *deliveries.gas.entry(lane).or_default() += receipt.ok_or_else(missing)?.gas_used;
        if let Some(epoch) = epoch_of(sent.ok_or_else(missing)?.input()) {
            *deliveries.by_epoch.entry(epoch).or_default() += 1;
        }
    }
    Ok(deliveries)
}

/// Whose proof a call brings; `None` if it delivers under a root that the gateway knew already.
fn epoch_of(call: &[u8]) -> Option<u64> {
    let call = acceptAndDeliverCall::abi_decode(call).ok()?;
    Some(QuorumProof::from_bytes(&call.proof).ok()?.epoch())
}

/// An origin, as the collector tells it.
#[derive(Deserialize)]
struct Origin {
    commitments_signed: u64,
}

/// How many distinct heights the collector holds attestations of.
pub(super) async fn commitments_signed(network: &Network) -> Result<u64, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
    let answer = client.get(format!("http://{}/v1/origins", network.collector)).send().await?.error_for_status()?;
    let origins: Vec<Origin> = answer.json().await?;
    Ok(origins.iter().map(|origin| origin.commitments_signed).sum())
}
