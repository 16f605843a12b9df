//! Sending what was planned, through the gateways, from accounts that do nothing else.

use std::time::Duration;

use alloy::{
    primitives::{Address, Bytes, TxKind, U256, uint},
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use futures::future::try_join_all;
use metalayer_proto::{
    events::abi::{gasLimitCall, orderedCall, sendMessageCall},
    interop,
};
use relayer::deploy::{Account, Inclusion, TransactionError};

use super::{Cargo, Planned};
use crate::{
    console::Console,
    era,
    network::{Chain, NetworkError},
};

/// Senders on each chain.
const SENDERS: usize = 4;
/// The gas a recipient is called with.
const RECIPIENT_GAS: u64 = 100_000;
/// What sending costs without its payload, and of each of its bytes (calldata, hash, log); generous.
const SEND_GAS: u64 = 400_000;
const SEND_GAS_PER_BYTE: u64 = 64;
/// What each sender has, enough for all that it sends.
const SENDER_ERA: U256 = uint!(100_000_000_000_000_000_000_000_U256);
/// Between two messages of the steady flow.
const STEADY_EVERY: Duration = Duration::from_millis(100);

/// The accounts that send, by chain.
#[derive(Debug)]
pub struct Senders {
    accounts: Vec<Vec<Account>>,
}

impl Senders {
    /// How many there are on each chain.
    pub const PER_CHAIN: usize = SENDERS;

    /// Fresh accounts with funds, and $ERA of the `treasurers`, on every chain.
    pub async fn open(chains: &[Chain], treasurers: &mut [Account]) -> Result<Self, NetworkError> {
        let mut accounts = Vec::new();
        for (Chain { node, deployment, .. }, treasurer) in chains.iter().zip(treasurers) {
            let signers: Vec<_> = (0..SENDERS).map(|_| PrivateKeySigner::random()).collect();
            node.fund(&signers.iter().map(PrivateKeySigner::address).collect::<Vec<Address>>()).await?;
            let token = TxKind::Call(deployment.addresses.era);
            let mut given = Vec::new();
            for signer in &signers {
                given.push(treasurer.send("giving $ERA", token, era::give(signer.address(), SENDER_ERA)).await?);
            }
            included(treasurer, &given).await?;
            accounts.push(try_join_all(signers.into_iter().map(|signer| Account::connect(&node.url, signer))).await?);
        }
        Ok(Self { accounts })
    }

    /// Sends all at once: every sender its messages, one right after the other.
    pub async fn burst(&mut self, chains: &[Chain], messages: &[Planned]) -> Result<(), TransactionError> {
        let senders = self.accounts.iter_mut().enumerate().flat_map(|(origin, accounts)| {
            accounts.iter_mut().enumerate().map(move |(sender, account)| (origin, sender, account))
        });
        let bursts = senders.map(|(origin, sender, account)| async move {
            let mut sent = Vec::new();
            for message in messages.iter().filter(|one| (one.origin, one.sender) == (origin, sender)) {
                sent.push(send(account, chains, message).await?);
            }
            included(account, &sent).await
        });
        try_join_all(bursts).await.map(drop)
    }

    /// Sends one message every 100 ms.
    pub async fn steady(
        &mut self,
        chains: &[Chain],
        messages: &[Planned],
        console: &mut Console,
    ) -> Result<(), TransactionError> {
        let mut sent = Vec::new();
        let mut next = tokio::time::interval(STEADY_EVERY);
        for (number, message) in messages.iter().enumerate() {
            next.tick().await;
            let account = &mut self.accounts[message.origin][message.sender];
            sent.push(((message.origin, message.sender), send(account, chains, message).await?));
            console.progress(&format!("steady flow: {} of {} sent", number + 1, messages.len()));
        }
        for ((origin, sender), inclusion) in sent {
            self.accounts[origin][sender].included(&inclusion).await?;
        }
        Ok(())
    }
}

async fn included(account: &Account, sent: &[Inclusion]) -> Result<(), TransactionError> {
    for inclusion in sent {
        account.included(inclusion).await?;
    }
    Ok(())
}

async fn send(account: &mut Account, chains: &[Chain], message: &Planned) -> Result<Inclusion, TransactionError> {
    let (here, there) = (&chains[message.origin], &chains[message.destination]);
    let payload = match &message.cargo {
        Cargo::Payload(payload) => payload,
        Cargo::Era(amount) => {
            let call = era::transfer_to(there.node.chain, account.address(), U256::from(*amount));
            let bridge = TxKind::Call(here.deployment.addresses.era_bridge);
            return account.send_with_gas("sending $ERA", bridge, call, SEND_GAS).await;
        }
    };
    let recipient = if message.reverting { there.recipients.reverting } else { there.recipients.willing };
    let call = sendMessageCall {
        recipient: interop::format(there.node.chain, recipient),
        payload: payload.clone().into(),
        attributes: attributes(message),
    };
    let gas = SEND_GAS + SEND_GAS_PER_BYTE * payload.len() as u64;
    let gateway = TxKind::Call(here.deployment.addresses.gateway);
    account.send_with_gas("sending a message", gateway, call.abi_encode().into(), gas).await
}

fn attributes(message: &Planned) -> Vec<Bytes> {
    let mut attributes = vec![gasLimitCall { gasLimit: U256::from(RECIPIENT_GAS) }.abi_encode().into()];
    if message.ordered {
        attributes.push(orderedCall {}.abi_encode().into());
    }
    attributes
}
