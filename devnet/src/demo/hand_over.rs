//! The set of attesters is handed over to the next epoch while messages are sent.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use relayer::deploy::Account;

use super::DemoError;
use crate::{
    console::Console,
    network::{Chain, Succession},
};

/// How often it is looked how far the hand-over is.
const LOOK: Duration = Duration::from_millis(500);
/// How long the collector may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Plays it: announced at the hub, its table brought to every chain by the relayer, its time come, and every origin proven by its
/// members.
pub(super) async fn play(
    succession: &Succession,
    chains: &[Chain],
    accounts: &mut [Account],
    collector: SocketAddr,
    patience: Duration,
    console: &Console,
) -> Result<(), DemoError> {
    console.say("handing over to the next epoch while messages are sent");
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
    let (begun, epoch) = (Instant::now(), succession.epoch());
    succession.hand_over(&mut accounts[0]).await?;
    for (chain, account) in chains.iter().zip(accounts.iter()) {
        let proof = format!("http://{collector}/v1/proofs/{}?epoch={epoch}", chain.node.chain);
        while !(succession.holds_on(chain, account).await? && client.get(&proof).send().await?.status().is_success()) {
            if begun.elapsed() >= patience {
                return Err(DemoError::NotHandedOver { chain: chain.node.chain, waited: patience });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    let took = begun.elapsed().as_secs();
    console.say(&format!("epoch {epoch} is in force on every chain, and proves every one of them, after {took} s"));
    Ok(())
}
