//! A stranger, who does again what the relayers did: anyone may call a gateway.

use super::{World, dice::Dice, lock, traffic::User};

impl World {
    /// The stranger's accounts, one on every chain.
    pub(super) fn strangers(&self) -> Vec<User> {
        let chains = self.founded.chains.iter();
        chains.map(|one| User::new(one.chain.clone(), self.founded.stranger.clone())).collect()
    }

    /// Calls a gateway with what a relayer called it with before.
    pub(super) fn repeat(&self, strangers: &mut [User], dice: &Dice) {
        let place = usize::try_from(dice.below(strangers.len() as u64)).unwrap_or_default();
        let one = &self.founded.chains[place];
        let gateway = one.deployment.addresses.gateway;
        let calls = one.chain.calls(self.founded.executor.address(), gateway);
        if let Some(call) = dice.pick(&calls) {
            self.fittings.repeated(&self.founded, place);
            let hash = strangers[place].call(gateway, call.clone());
            self.trace.note("stranger", format_args!("repeats a call on {}: {hash:?}", one.chain.chain()));
            lock(&self.met).repeated += 1;
        }
        strangers.iter().for_each(User::broadcast);
    }
}
