//! $ERA on every chain: minted on the hub alone, so the hub sends it, once each chain knows the bridges.

use std::time::{Duration, Instant};

use alloy::{
    primitives::{Address, TxKind, U256},
    sol_types::SolCall,
};
use metalayer_proto::events::abi;
use relayer::deploy::{Account, TransactionError};

use super::{Chain, NetworkError};
use crate::{
    console::Console,
    era::{self, ERA},
};

/// What each other chain gets.
const SHARE: u64 = 5_000_000;
/// How often it is looked whether they have arrived.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until every gateway knows every bridge, then sends each other chain its share and waits until it is there.
pub(super) async fn spread(
    chains: &[Chain],
    accounts: &mut [Account],
    arrival_max: Duration,
    console: &Console,
) -> Result<(), NetworkError> {
    console.say("waiting for what the hub tells the other chains, and sending them $ERA");
    for (chain, account) in chains.iter().zip(accounts.iter()) {
        for other in chains {
            let what = format!("{} does not know the bridge of {}", chain.node.chain, other.node.chain);
            until(&what, arrival_max, || knows(account, chain, other)).await?;
        }
    }
    // The hub is the first chain.
    let Some((hub, others)) = chains.split_first() else { return Ok(()) };
    let share = U256::from(SHARE) * ERA;
    let holder = accounts[0].address();
    // The bridge collects its fee from whoever sends.
    let allowance = era::approve(hub.deployment.addresses.era_bridge);
    let sent = accounts[0].send("allowing fees", TxKind::Call(hub.deployment.addresses.era), allowance).await?;
    accounts[0].included(&sent).await?;
    for other in others {
        let call = era::transfer_to(other.node.chain, holder, share);
        let bridge = TxKind::Call(hub.deployment.addresses.era_bridge);
        let sent = accounts[0].send("sending $ERA to another chain", bridge, call).await?;
        accounts[0].included(&sent).await?;
    }
    for (chain, account) in chains.iter().zip(accounts.iter()).skip(1) {
        let token = chain.deployment.addresses.era;
        let what = format!("the $ERA for {} is not there", chain.node.chain);
        until(&what, arrival_max, || async move { Ok(era::balance(account, token, holder).await? == share) }).await?;
    }
    Ok(())
}

async fn knows(account: &Account, chain: &Chain, other: &Chain) -> Result<bool, TransactionError> {
    let bridge: Address = other.deployment.addresses.era_bridge;
    let call = abi::moduleAtCall { chainId: other.node.chain.get(), account: bridge }.abi_encode();
    let answer = account.call("reading the module table", chain.deployment.addresses.gateway, call.into()).await?;
    Ok(abi::moduleAtCall::abi_decode_returns(&answer).is_ok_and(|row| row.moduleId != 0))
}

async fn until<F: Future<Output = Result<bool, TransactionError>>>(
    what: &str,
    arrival_max: Duration,
    mut holds: impl FnMut() -> F,
) -> Result<(), NetworkError> {
    let begun = Instant::now();
    while !holds().await? {
        if begun.elapsed() >= arrival_max {
            return Err(NetworkError::NotArrived { what: what.to_owned(), waited: arrival_max });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
