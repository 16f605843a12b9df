//! The operator of the relayers: asks one of them to give back what is void or came home, as the operator's commands do.

use std::{sync::Arc, time::Duration};

use super::{World, dice::Dice};

/// How often the operator looks.
const LOOK: Duration = Duration::from_secs(10);
/// What every request shows.
pub(super) const TOKEN: &str = "operator";

impl World {
    /// Looks again and again.
    pub(super) async fn operate(self: Arc<Self>) {
        let dice = Dice::of(self.plan.seed, "operator");
        loop {
            tokio::time::sleep(LOOK).await;
            for id in self.monitor.account(|account| account.stranded()) {
                let number = usize::try_from(dice.below(self.plan.relayers as u64)).unwrap_or_default();
                let answer = self.offices.ask(number, &format!("/v1/messages/{id}/reclaim"), TOKEN).await;
                self.trace.note("operator", format_args!("asks to reclaim {id}: {answer:?}"));
            }
        }
    }
}
