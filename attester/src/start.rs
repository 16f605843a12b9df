//! Where each origin begins: where its derivation was kept, else at its newest proof, else at its gateway's deployment.
//!
//! A proof and its snapshot may come from any collector: the quorum and the commitment's roots authenticate them (I6, I7), and the guard lets
//! an origin begin only where its lanes extend what was signed.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream};
use metalayer_node::{
    clock::Clock,
    collector::{Collector, NotBegun, Untaken, begin_at, untaken},
    epochs::EpochBook,
    sent::{Sent, SentError},
    store::StoreError,
};
use metalayer_proto::{
    derivation::{Deployment, Derivation, LeafId},
    ids::LaneId,
};

use crate::{
    guard::{Extension, Guard, NotExtended, NotSafe},
    leaves::{ASKED_MAX, Leaves},
    metrics::Metrics,
    proven::Proven,
    rules::Rules,
};

/// How many origins are begun at once: each may take a whole snapshot's memory.
const AT_ONCE: usize = 4;

/// How many messages of the hub that a chain has not taken are looked at, to know which rules are due there.
const UNTAKEN_MAX: u64 = 4_096;

/// Why an origin does not begin at what a collector served.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not proven, or not answered.
    #[error(transparent)]
    NotBegun(#[from] NotBegun),
    /// It does not extend what this key signed.
    #[error(transparent)]
    Guard(#[from] NotExtended),
}

impl Refusal {
    /// The word for it in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotBegun(error) => error.reason(),
            Self::Guard(_) => "guard",
        }
    }
}

/// Why origins cannot begin anywhere.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was sent could not be kept or found.
    #[error(transparent)]
    Sent(#[from] SentError),
    /// What is kept is not what was signed.
    #[error(transparent)]
    Guard(#[from] NotSafe),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Sent(error.into())
    }
}

/// What it takes to begin.
pub struct Start {
    /// Who is asked, one after the other.
    pub collectors: Vec<Arc<dyn Collector>>,
    /// Who may have signed.
    pub epochs: Arc<EpochBook>,
    /// What must be extended.
    pub guard: Arc<Guard>,
    /// Where derivations are kept, and what they lack.
    pub sent: Arc<Sent>,
    /// Who shows what was sent before an origin begins.
    pub leaves: Arc<Leaves>,
    /// Where the proofs go.
    pub proven: Arc<Proven>,
    /// Where the rules go that are due by then.
    pub rules: Arc<Rules>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Start {
    /// The derivations of all origins, each where it begins.
    pub async fn all(&self, deployments: &[Deployment]) -> Result<Vec<Derivation>, StartError> {
        let begun = stream::iter(deployments.iter().copied()).map(|deployment| self.one(deployment));
        let begun: Vec<_> = begun.buffered(AT_ONCE).try_collect().await?;
        if !self.get_untaken(&begun).await? {
            tracing::warn!(
                "nobody shows all that the hub has sent, so that the rules that are due are unknown: all begin at their deployments"
            );
            self.sent.begin_anew()?;
            return Ok(deployments.iter().map(|deployment| Derivation::new(*deployment)).collect());
        }
        if let Some(hub) = deployments.iter().find(|deployment| deployment.origin == deployment.hub) {
            self.sent.each_sent_by(hub.origin, |sent| self.rules.note_waiting(&sent))?;
        }
        Ok(begun)
    }

    async fn one(&self, deployment: Deployment) -> Result<Derivation, StartError> {
        let origin = deployment.origin;
        if let Some(kept) = self.sent.kept(origin) {
            if let Some(commitment) = kept.commitment() {
                self.guard.resume(&commitment).await?;
            }
            tracing::info!(%origin, height = kept.next_block(), "goes on where it was kept");
            return Ok(kept);
        }
        for collector in &self.collectors {
            match self.ask(collector.as_ref(), deployment).await {
                Ok(Some(derivation)) => {
                    tracing::info!(%origin, height = derivation.next_block(), "begins at its newest proof");
                    self.sent.keep(&derivation)?;
                    return Ok(derivation);
                }
                Ok(None) => {}
                Err(refusal) => {
                    let (collector, reason) = (collector.name(), refusal.reason());
                    self.metrics.answer_refused(collector, reason);
                    tracing::warn!(%origin, collector, reason, "does not begin at what the collector served: {refusal}");
                }
            }
        }
        tracing::info!(%origin, height = deployment.deployed_at, "begins at its deployment");
        Ok(Derivation::new(deployment))
    }

    /// The origin at the newest proof that this collector has.
    async fn ask(&self, collector: &dyn Collector, deployment: Deployment) -> Result<Option<Derivation>, Refusal> {
        let now = self.clock.now();
        let begun = begin_at(collector, &self.epochs, deployment, now).await?;
        let Some((proven, derivation)) = begun else { return Ok(None) };
        let (commitment, lanes) = (&proven.commitment, derivation.lanes());
        let mut growth = BTreeMap::new();
        for signed in self.guard.to_extend(commitment)? {
            let destination = signed.destination;
            let Some(lane) = lanes.iter().find(|lane| lane.destination == destination) else { continue };
            let id = LaneId { origin: deployment.origin, destination };
            if let Some(proof) = collector.growth(id, signed.count, lane.count).await.map_err(NotBegun::from)? {
                growth.insert(destination, proof);
            }
        }
        self.guard.extend(Extension { commitment, lanes: &lanes, growth: &growth }).await?;
        self.proven.take(&proven, now).map_err(NotBegun::from)?;
        Ok(Some(derivation))
    }

    /// Gets all that the hub has sent before it begins and a chain has not taken: among it are the rules that are due there. False if nobody
    /// shows some of it.
    async fn get_untaken(&self, begun: &[Derivation]) -> Result<bool, StartError> {
        let hub = begun.iter().find(|one| one.deployment().origin == one.deployment().hub);
        let Some(hub) = hub.filter(|hub| hub.commitment().is_some()) else { return Ok(true) };
        for chain in begun {
            let Some(untaken) = untaken_leaves(hub, chain) else { return Ok(false) };
            for leaves in self.sent.not_there(&untaken)?.chunks(ASKED_MAX) {
                let found = self.leaves.find(leaves).await;
                self.sent.take(&found)?;
                if found.len() < leaves.len() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// The messages of the hub that a chain has not taken for good; `None` if they are more than are looked at.
fn untaken_leaves(hub: &Derivation, chain: &Derivation) -> Option<Vec<LeafId>> {
    let lane = LaneId { origin: hub.deployment().origin, destination: chain.deployment().origin };
    let Untaken { failed, never } = untaken(hub, chain, UNTAKEN_MAX)?;
    Some(failed.into_iter().chain(never).map(|sequence| LeafId { lane, sequence }).collect())
}
