//! What stands between a process and the world.

use std::sync::Arc;

use metalayer_node::{bus::Bus, chain::Transport, signer::AttesterSigner, store::Store};

use crate::founding::Founded;

/// Fits what a process is given; as it stands, it fits nothing. A bug that is planted to see whether it is found changes one of these.
pub trait Fittings: Send + Sync + 'static {
    /// The bus, as a relayer uses it.
    fn bus(&self, bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
        bus
    }

    /// A disk of the process of this name.
    fn store(&self, _process: &str, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store
    }

    /// A way to a node.
    fn transport(&self, transport: Box<dyn Transport>) -> Box<dyn Transport> {
        transport
    }

    /// An attester's keys.
    fn signer(&self, signer: Arc<dyn AttesterSigner>) -> Arc<dyn AttesterSigner> {
        signer
    }

    /// A stranger is about to do again what was done on the chain at `place`.
    fn repeated(&self, _founded: &Founded, _place: usize) {}

    /// How many endpoints of a chain must agree.
    fn agree(&self, agree: usize) -> usize {
        agree
    }
}

/// Nothing is fitted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Fittings for Plain {}
