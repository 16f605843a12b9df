//! Whom messages are sent to.

use alloy::primitives::{Address, TxKind};
use futures::future::try_join_all;
use relayer::deploy::{Account, Artifact};

use super::NetworkError;

/// Whom a chain's messages are sent to.
#[derive(Debug, Clone, Copy)]
pub struct Recipients {
    /// Takes every message.
    pub willing: Address,
    /// Takes none until it is told to.
    pub reverting_once: Address,
}

/// Creates those of every chain.
pub(super) async fn create(accounts: &mut [Account]) -> Result<Vec<Recipients>, NetworkError> {
    try_join_all(accounts.iter_mut().map(create_on)).await
}

async fn create_on(account: &mut Account) -> Result<Recipients, NetworkError> {
    let [willing, reverting_once] = [account.creates(0), account.creates(1)];
    let mut sent = Vec::new();
    for artifact in [Artifact::RECIPIENT, Artifact::REVERTING_ONCE_RECIPIENT] {
        sent.push(account.send("creating a recipient", TxKind::Create, artifact.creation(&[])?).await?);
    }
    for inclusion in &sent {
        account.included(inclusion).await?;
    }
    Ok(Recipients { willing, reverting_once })
}
