//! Bugs in the derivation, which attesters and watchers share: they agree, and are wrong.

mod ledger_believes_logs;
mod verdict_by_newest_version;
mod void_leaf_without_id;

use std::sync::Arc;

use metalayer_proto::planted::{Bug, plant};

use crate::world::fittings::Fittings;

/// A bug in all derivations of this thread, as long as it stands.
struct Planted;

impl Planted {
    fn with(bug: Bug) -> Arc<dyn Fittings> {
        plant(Some(bug));
        Arc::new(Self)
    }
}

impl Fittings for Planted {}

impl Drop for Planted {
    fn drop(&mut self) {
        plant(None);
    }
}
