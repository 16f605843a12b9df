//! What failed is retried, and what is void goes back to its senders.

use alloy::{primitives::TxKind, sol_types::SolCall};
use relayer::deploy::TransactionError;

use super::{DemoError, operator, stage::Stage};
use crate::{
    audit::{Course, Intent, State},
    network::Network,
};

mod abi {
    #![allow(missing_docs, reason = "declared in Solidity, and documented there")]
    alloy::sol! {
        function relent();
    }
}

/// Plays it: every message that failed or is void meets its end.
pub(super) async fn play(stage: &mut Stage<'_>) -> Result<(), DemoError> {
    let (failed, void) = (stage.sent_for(Intent::FailFirst)?, stage.sent_for(Intent::BeVoid)?);
    stage.console.say(&format!(
        "retrying {} messages that failed, reclaiming {} that are void",
        failed.len(),
        void.len()
    ));
    relent(&mut stage.network).await?;
    for id in &failed {
        operator::asks(&stage.network, "retry", *id).await?;
    }
    for id in &void {
        operator::asks(&stage.network, "reclaim", *id).await?;
    }
    stage.until_each("delivered by a retry", &failed, |course| course.state() == State::Delivered).await?;
    stage.until_each("reclaimed", &void, Course::is_reclaimed).await?;
    Ok(())
}

/// Tells the recipients that reverted to take messages from now on.
async fn relent(network: &mut Network) -> Result<(), TransactionError> {
    for (chain, account) in network.chains.iter().zip(&mut network.treasurers) {
        let recipient = TxKind::Call(chain.recipients.reverting_once);
        let sent =
            account.send("telling a recipient to relent", recipient, abi::relentCall {}.abi_encode().into()).await?;
        account.included(&sent).await?;
    }
    Ok(())
}
