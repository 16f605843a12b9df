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
use crate::{audit::Intents, console::Console, era, network::Chain};

/// Senders on each chain.
const SENDERS: usize = 4;
/// The gas a recipient is called with.
const RECIPIENT_GAS: u64 = 100_000;
/// What sending costs without its payload, and of each of its bytes (calldata, hash, log); generous.
const SEND_GAS: u64 = 400_000;
const SEND_GAS_PER_BYTE: u64 = 64;
/// What each sender has: $ERA, and coin for so much gas; enough for all that it sends.
const SENDER_ERA: U256 = uint!(100_000_000_000_000_000_000_000_U256);
const SENDER_GAS: u64 = 200_000_000;
/// Between two messages of the steady flow.
const STEADY_EVERY: Duration = Duration::from_millis(75);

/// The accounts that send, by chain.
#[derive(Debug)]
pub struct Senders {
    accounts: Vec<Vec<Account>>,
}

impl Senders {
    /// How many there are on each chain.
    pub const PER_CHAIN: usize = SENDERS;

    /// Fresh accounts with coin, and $ERA of the `treasurers`, on every chain.
    pub async fn open(chains: &[Chain], treasurers: &mut [Account]) -> Result<Self, TransactionError> {
        let opening = chains.iter().zip(treasurers).map(|(chain, treasurer)| open(chain, treasurer));
        Ok(Self { accounts: try_join_all(opening).await? })
    }

    /// Sends all at once: every sender its messages, one right after the other.
    pub async fn burst(&mut self, chains: &[Chain], messages: &[Planned]) -> Result<Intents, TransactionError> {
        let senders = self.accounts.iter_mut().enumerate().flat_map(|(origin, accounts)| {
            accounts.iter_mut().enumerate().map(move |(sender, account)| (origin, sender, account))
        });
        let bursts = senders.map(|(origin, sender, account)| async move {
            let mut sent = Vec::new();
            let mut intents = Intents::new();
            for message in messages.iter().filter(|one| (one.origin, one.sender) == (origin, sender)) {
                let inclusion = send(account, chains, message).await?;
                intents.insert(inclusion.hash(), message.intent());
                sent.push(inclusion);
            }
            included(account, &sent).await?;
            Ok::<_, TransactionError>(intents)
        });
        Ok(try_join_all(bursts).await?.into_iter().flatten().collect())
    }

    /// Sends one message after the other.
    pub async fn steady(
        &mut self,
        chains: &[Chain],
        messages: &[Planned],
        console: &Console,
    ) -> Result<Intents, TransactionError> {
        let mut sent = Vec::new();
        let mut intents = Intents::new();
        let mut next = tokio::time::interval(STEADY_EVERY);
        for (number, message) in messages.iter().enumerate() {
            next.tick().await;
            let account = &mut self.accounts[message.origin][message.sender];
            let inclusion = send(account, chains, message).await?;
            intents.insert(inclusion.hash(), message.intent());
            sent.push(((message.origin, message.sender), inclusion));
            console.progress(&format!("steady flow: {} of {} sent", number + 1, messages.len()));
        }
        for ((origin, sender), inclusion) in sent {
            self.accounts[origin][sender].included(&inclusion).await?;
        }
        Ok(intents)
    }
}

async fn open(chain: &Chain, treasurer: &mut Account) -> Result<Vec<Account>, TransactionError> {
    let at = chain.deployment.addresses;
    let signers: Vec<_> = (0..SENDERS).map(|_| PrivateKeySigner::random()).collect();
    let mut given = Vec::new();
    for signer in &signers {
        let sender = signer.address();
        given.push(treasurer.pay_for_gas(sender, SENDER_GAS).await?);
        given.push(treasurer.send("giving $ERA", TxKind::Call(at.era), era::give(sender, SENDER_ERA)).await?);
    }
    included(treasurer, &given).await?;
    let connecting = signers.into_iter().map(|signer| Account::connect(&chain.node.url, signer));
    let mut accounts = try_join_all(connecting).await?;
    // The gateway takes the fee of whoever calls it, the bridge collects it from its user.
    try_join_all(accounts.iter_mut().map(async |account| {
        let mut approved = Vec::new();
        for spender in [at.gateway, at.era_bridge] {
            approved.push(account.send("allowing fees", TxKind::Call(at.era), era::approve(spender)).await?);
        }
        included(account, &approved).await
    }))
    .await?;
    Ok(accounts)
}

async fn included(account: &Account, sent: &[Inclusion]) -> Result<(), TransactionError> {
    for inclusion in sent {
        account.included(inclusion).await?;
    }
    Ok(())
}

async fn send(account: &mut Account, chains: &[Chain], message: &Planned) -> Result<Inclusion, TransactionError> {
    let (to, call, gas) = call(account.address(), chains, message);
    account.send_with_gas("sending a message", TxKind::Call(to), call, gas).await
}

/// Who is called, with what, and with how much gas.
fn call(sender: Address, chains: &[Chain], message: &Planned) -> (Address, Bytes, u64) {
    let (here, there) = (chains[message.origin].deployment.addresses, &chains[message.destination]);
    let chain = there.node.chain;
    let by_bridge = |call| (here.era_bridge, call, SEND_GAS);
    let by_gateway = |recipient, bytes: &[u8]| {
        let recipient = interop::format(chain, recipient);
        let call = sendMessageCall { recipient, payload: bytes.to_vec().into(), attributes: attributes(message) };
        (here.gateway, call.abi_encode().into(), SEND_GAS + SEND_GAS_PER_BYTE * bytes.len() as u64)
    };
    match &message.cargo {
        Cargo::Payload(bytes) => by_gateway(there.recipients.willing, bytes),
        Cargo::FailingFirst(bytes) => by_gateway(there.recipients.reverting_once, bytes),
        Cargo::IntoBridge(bytes) => by_gateway(there.deployment.addresses.era_bridge, bytes),
        Cargo::Era(amount) => by_bridge(era::transfer_to(chain, sender, U256::from(*amount))),
        Cargo::AboveMax(amount) => by_bridge(era::above_max(chain, sender, U256::from(*amount))),
        Cargo::Undecodable(amount) => by_bridge(era::undecodable(chain, U256::from(*amount))),
    }
}

fn attributes(message: &Planned) -> Vec<Bytes> {
    let mut attributes = vec![gasLimitCall { gasLimit: U256::from(RECIPIENT_GAS) }.abi_encode().into()];
    if message.ordered {
        attributes.push(orderedCall {}.abi_encode().into());
    }
    attributes
}
