//! Assembles an attester's stages from what they stand on. Names no concrete implementation, so that a daemon and a simulation run
//! the very same.

use std::{sync::Arc, time::Duration};

use metalayer_node::{
    clock::Clock,
    collector::Collector,
    config::NetworkFile,
    daemon::{DaemonError, OpenChain},
    epochs::{Announced, EpochMetrics},
    sent::{self, Sent, SentError},
    signer::AttesterSigner,
    store::{Store, Table},
    task::group::TaskGroup,
};

use crate::{
    guard::{self, Guard, NotSafe},
    leaves::Leaves,
    listen::Listener,
    metrics::Metrics,
    origin::{Origin, Parts},
    outbox::Outbox,
    proven::Proven,
    publish::{self, Publish},
    rules::Rules,
    start::{Start, StartError},
};

/// The tables of an attester's store.
pub fn tables() -> Vec<Table> {
    [&[guard::TABLE][..], &sent::TABLES].concat()
}

/// What the stages of one attester stand on.
pub struct Ground {
    /// The network that is attested for.
    pub network: NetworkFile,
    /// The two keys.
    pub signer: Arc<dyn AttesterSigner>,
    /// The store, with [`tables`].
    pub store: Arc<dyn Store>,
    /// The guard of the key, in that store.
    pub guard: Arc<Guard>,
    /// Every chain of the network.
    pub chains: Vec<OpenChain>,
    /// Where attestations go.
    pub collectors: Vec<Arc<dyn Collector>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How often finality is looked at.
    pub poll: Duration,
    /// What stages count.
    pub metrics: Arc<Metrics>,
    /// What is counted of epochs.
    pub epoch_metrics: EpochMetrics,
}

/// A start that fails ends as what failed.
fn unbegun(error: StartError) -> DaemonError {
    match error {
        StartError::Sent(SentError::Store(error)) | StartError::Guard(NotSafe::Store(error)) => error.into(),
        other => DaemonError::Start(other.to_string()),
    }
}

/// Begins to work in `tasks`: learns the epochs, finds where to begin each origin, then starts all stages.
///
/// # Errors
/// The hub does not tell who attests, or the store cannot be used.
pub async fn start(tasks: &TaskGroup, ground: Ground) -> Result<(), DaemonError> {
    let Ground { network, signer, store, guard, chains, collectors, clock, poll, metrics, epoch_metrics } = ground;
    let deployments: Vec<_> = chains.iter().map(|chain| chain.deployment).collect();
    let sent = Arc::new(Sent::open(store, sent::LANE_ROWS_MAX, &deployments)?);
    let (epochs, announced) = (Arc::new(network.epoch_book()), Arc::<Announced>::default());
    if let Some(hub) = chains.iter().find(|chain| chain.entry.id == network.hub_chain) {
        // Before any origin begins: whose proof it begins at is checked by the epochs.
        let learn = hub.learn_epochs(announced.clone(), epochs.clone(), clock.clone(), epoch_metrics);
        learn.begin().await?;
        tasks.spawn_stage("epochs", None, learn);
    }
    let proven = Arc::new(Proven::new(epochs.clone(), signer.public_key().attester_id()));
    let leaves = Leaves::new(collectors.clone(), epochs.clone(), clock.clone(), metrics.clone());
    let leaves = Arc::new(leaves);
    let rules = Arc::<Rules>::default();
    let start = Start {
        collectors: collectors.clone(),
        epochs: epochs.clone(),
        guard: guard.clone(),
        sent: sent.clone(),
        leaves: leaves.clone(),
        proven: proven.clone(),
        rules: rules.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
    };
    let begun = start.all(&deployments).await.map_err(unbegun)?;
    let mut outboxes = Vec::new();
    for collector in collectors {
        let outbox = Arc::new(Outbox::default());
        outboxes.push(outbox.clone());
        let parts = publish::Parts {
            collector,
            outbox,
            network: network.id(),
            signer: signer.clone(),
            listener: Listener {
                signer: signer.clone(),
                guard: guard.clone(),
                epochs: epochs.clone(),
                origins: chains.iter().map(|chain| chain.entry.id).collect(),
                metrics: metrics.clone(),
            },
            proven: proven.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn_stage("publish", None, Publish::new(parts));
    }
    for (chain, derivation) in chains.into_iter().zip(begun) {
        let parts = Parts {
            reader: chain.reader,
            guard: guard.clone(),
            signer: signer.clone(),
            proven: proven.clone(),
            sent: sent.clone(),
            leaves: leaves.clone(),
            rules: rules.clone(),
            announced: announced.clone(),
            outboxes: outboxes.clone(),
            clock: clock.clone(),
            poll,
            metrics: metrics.clone(),
        };
        let origin = Origin::new(parts, derivation);
        let origin = origin.map_err(|error| DaemonError::Start(error.to_string()))?;
        tasks.spawn_stage("attest", Some(chain.entry.id), origin);
    }
    Ok(())
}
