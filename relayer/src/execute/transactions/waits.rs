//! Why nothing is sent although there is something to send.

use alloy::primitives::U256;

use super::Transactions;

/// A reason to wait, said once in the log and shown as a metric while it lasts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::execute) enum Waits {
    /// The chain asks for more than the operator allows.
    #[error("gas costs {asked} wei, and execute.max_fee_gwei allows {ceiling} wei")]
    PriceCeiling {
        /// What a block of now takes at least.
        asked: u128,
        /// What is allowed.
        ceiling: u128,
    },
    /// The account has too little.
    #[error("the account has {balance} wei, and what is under way and the next may cost {needed} wei")]
    NoFunds {
        /// What it must have.
        needed: u128,
        /// What it has.
        balance: U256,
    },
    /// The chain's blocks do not become final.
    #[error("{unfinal} transactions are in blocks that are not final")]
    Finality {
        /// How many.
        unfinal: usize,
    },
}

impl Waits {
    /// All words that [`Self::reason`] knows.
    pub(crate) const REASONS: [&str; 3] = ["price_ceiling", "no_funds", "finality"];

    /// The word for it in metrics and logs.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::PriceCeiling { .. } => Self::REASONS[0],
            Self::NoFunds { .. } => Self::REASONS[1],
            Self::Finality { .. } => Self::REASONS[2],
        }
    }
}

impl Transactions {
    /// Says what is waited for, or that nothing is any more.
    pub(in crate::execute) fn waits_for(&mut self, waits: Option<Waits>) {
        let reason = waits.as_ref().map(Waits::reason);
        if reason != self.waits.as_ref().map(Waits::reason) {
            match &waits {
                Some(waits) => tracing::warn!(chain = %self.chain, reason, "nothing is sent: {waits}"),
                None => tracing::info!(chain = %self.chain, "transactions are sent again"),
            }
            self.metrics.waits(self.chain, &Waits::REASONS, reason);
        }
        self.waits = waits;
    }
}
