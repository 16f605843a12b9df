//! One message fails for ever: after seven days it is given up, sent home, and its $ERA goes back to who sent it.

use std::time::Duration;

use alloy::primitives::{TxKind, U256};

use super::{DemoError, operator, stage::Stage};
use crate::{
    audit::{Course, Intent},
    clock::Clock,
    era,
    network::{INBOUND_MAX, Network},
};

/// Where it is sent: the last chain.
const DESTINATION: usize = 2;
/// After how long what failed may be given up.
const REFUSABLE: Duration = Duration::from_secs(7 * 86_400);

/// Sends more $ERA from the hub than its destination takes from any one chain.
pub(super) async fn send(stage: &mut Stage<'_>) -> Result<(), DemoError> {
    let Network { chains, treasurers, .. } = &mut stage.network;
    let (hub, destination, treasurer) = (&chains[0], &chains[DESTINATION], &mut treasurers[0]);
    let call = era::transfer_to(destination.node.chain, treasurer.address(), U256::from(INBOUND_MAX + 1));
    let bridge = TxKind::Call(hub.deployment.addresses.era_bridge);
    let sent = treasurer.send("sending $ERA that cannot arrive", bridge, call).await?;
    treasurer.included(&sent).await?;
    stage.intents.insert(sent.hash(), Intent::FailForEver);
    Ok(())
}

/// The clock of its destination, if that can be moved.
pub(super) async fn clock(network: &Network) -> Option<Clock> {
    Clock::of(&network.chains[DESTINATION].node).await
}

/// Plays it: seven days pass at the destination alone.
pub(super) async fn play(stage: &mut Stage<'_>, clock: &Clock) -> Result<(), DemoError> {
    let chain = stage.network.chains[DESTINATION].node.chain;
    stage.console.say(&format!("seven days pass on {chain}: the message that fails for ever is refused and reclaimed"));
    clock.advance(REFUSABLE).await.map_err(DemoError::Clock)?;
    let hopeless = stage.sent_for(Intent::FailForEver)?;
    for id in &hopeless {
        operator::asks(&stage.network, "refuse", *id).await?;
    }
    if !stage.until_each("home", &hopeless, |course| course.home).await? {
        return Ok(());
    }
    for id in &hopeless {
        operator::asks(&stage.network, "reclaim", *id).await?;
    }
    stage.until_each("reclaimed", &hopeless, Course::is_reclaimed).await?;
    Ok(())
}
