//! What operators ask to be done: from a message's id to an action on the bus, which its chain's executor sends.
//!
//! The gateway is asked first whether it would do it, so that most of what cannot be done is told at once. What changes until the
//! transaction runs, the executor tells in the dead letters.

use std::fmt;

use alloy::{
    primitives::{U256, utils::format_ether},
    sol_types::SolCall,
};
use axum::http::StatusCode;
use metalayer_node::{
    bus::{BusError, Offset},
    chain::ChainError,
    store::StoreError,
};
use metalayer_proto::{
    derivation::LeafId,
    envelope::{Action, ClaimFees, ReadyRecord, Reclaim, ReclaimVoid, TraceContext},
    events::abi::feesPaidCall,
    facts::{FactKey, FactProof, FactsMap},
    ids::{ChainId, GatewayId, MessageId},
    message::{Kind, Message},
    quorum::ProvenCommitment,
    served::ProvenLane,
    topics::{Partition, Topic},
};
use serde::{Deserialize, Serialize};

use super::{Admin, Served};
use crate::{
    archive::{Archive, ArchiveError},
    execute::call,
    index::{MessageEntry, PathError, Snapshot},
    revert::Revert,
};

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nobody has seen such a message.
    #[error("no message {0} was seen in a final block")]
    Unknown(MessageId),
    /// This relayer does not serve the chain.
    #[error("this relayer does not serve {0}")]
    Unserved(ChainId),
    /// Where the message stands, there is nothing to do.
    #[error("{0}")]
    State(&'static str),
    /// The gateway would not do it.
    #[error("{chain} would refuse it ({reason}): {revert}", reason = revert.reason)]
    Reverts {
        /// The gateway's chain.
        chain: ChainId,
        /// Why.
        revert: Revert,
    },
    /// What it takes is not there yet.
    #[error("{0}; ask again later")]
    NotYet(&'static str),
    /// There is no path to show.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The chain does not answer.
    #[error(transparent)]
    Chain(ChainError),
    /// The bus failed.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The index could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl RequestError {
    /// How the API answers.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Unknown(_) | Self::Unserved(_) => StatusCode::NOT_FOUND,
            Self::State(_) | Self::Reverts { .. } => StatusCode::CONFLICT,
            Self::NotYet(_) | Self::Path(_) | Self::Chain(_) | Self::Bus(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Archive(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An action that was queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// `retry`, `refuse`, `snapshot`, `reclaim`, `reclaim_void` or `claim_fees`.
    pub action: String,
    /// Whose gateway will be called.
    pub chain: ChainId,
    /// Its record, TOPIC/PARTITION/OFFSET; if it comes to nothing, the dead letter of this place says why.
    pub place: String,
    /// What to do after it, if it is but the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
}

impl fmt::Display for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queued    {} at {}\nrecord    {}", self.action, self.chain, self.place)?;
        self.then.iter().try_for_each(|then| write!(f, "\nthen      {then}"))
    }
}

/// What the executor earned at one chain by delivering another's messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Whose messages: its gateway pays.
    pub origin: ChainId,
    /// Where they were delivered.
    pub destination: ChainId,
    /// Up to which block there a quorum has signed what was earned.
    pub height: u64,
    /// All that was ever earned up to there, in the smallest unit of $ERA.
    pub earned: U256,
    /// All of that which was paid.
    pub paid: U256,
    /// The record of the claim, if there is something to claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Claim {
    /// What was earned at a chain of which no block is proven yet.
    fn unproven(origin: ChainId, destination: ChainId) -> Self {
        let problem = Some("no block there is proven yet; ask again later".to_owned());
        Self { origin, destination, height: 0, earned: U256::ZERO, paid: U256::ZERO, place: None, problem }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (earned, paid) = (format_ether(self.earned), format_ether(self.paid));
        let Self { origin, destination, height, .. } = self;
        write!(f, "{origin} -> {destination}  earned {earned} ERA up to block {height}, paid {paid} ERA")?;
        match (&self.place, &self.problem) {
            (Some(place), _) => write!(f, ", queued {place}"),
            (None, Some(problem)) => write!(f, ": {problem}"),
            (None, None) => Ok(()),
        }
    }
}

impl Admin {
    /// Has a failed message run again.
    pub(super) async fn retry(&self, id: MessageId) -> Result<Queued, RequestError> {
        let (message, entry) = self.message(id)?;
        self.act(Action::Retry(message), trace_of(&entry)).await
    }

    /// Has a failed message given up and sent home. While its refusal is on the way, its origin stores the root of its lane under which it
    /// is to be reclaimed.
    pub(super) async fn refuse(&self, id: MessageId) -> Result<Queued, RequestError> {
        let (message, entry) = self.message(id)?;
        let (lane, trace, carries_value) = (message.lane(), trace_of(&entry), carries_value(&message));
        let is_shown = self.shown(&message)?.is_some();
        let refused = self.act(Action::Refuse(message), trace.clone()).await?;
        if !carries_value {
            return Ok(refused);
        }
        if !is_shown && let Err(error) = self.act(Action::Snapshot(lane), trace).await {
            // It is the first step of the reclaim then.
            tracing::warn!(%id, %error, "the root of a refused message's lane is not stored yet");
        }
        Ok(Queued {
            then: Some(format!("when `relayer trace {id}` says that it is home: relayer reclaim {id}")),
            ..refused
        })
    }

    /// Has a refused or void message's value given back. For a refused one the origin must have stored a root of its lane: that is
    /// queued first, if it has none.
    pub(super) async fn reclaim(&self, id: MessageId) -> Result<Queued, RequestError> {
        let (message, entry) = self.message(id)?;
        let trace = trace_of(&entry);
        if entry.is_void() {
            return self.act(self.reclaim_void(message)?, trace).await;
        }
        if !carries_value(&message) {
            return Err(RequestError::State("the message carries no value, and the fee of what is refused is earned"));
        }
        if !entry.is_home() {
            return Err(RequestError::State(
                "the message is neither void nor is its refusal home in a final block: see `relayer trace`; what has failed is refused first",
            ));
        }
        let Some(snapshot) = self.shown(&message)? else {
            let first = self.act(Action::Snapshot(message.lane()), trace).await?;
            let then = format!(
                "when that is in a final block: relayer reclaim {id} again; the message is shown under the lane's stored root"
            );
            return Ok(Queued { then: Some(then), ..first });
        };
        let path = self.index.path(message.lane(), message.sequence, snapshot)?;
        let Snapshot { count, root } = snapshot;
        self.act(Action::Reclaim(Reclaim { message, count, root, path }), trace).await
    }

    /// Has the executor paid what it earned by delivering messages of `origin`, or of all chains.
    pub(super) async fn claim_fees(&self, origin: Option<ChainId>) -> Result<Vec<Claim>, RequestError> {
        if let Some(origin) = origin.filter(|origin| self.chains.keys().all(|served| served.chain != *origin)) {
            return Err(RequestError::Unserved(origin));
        }
        let is_asked = |served: &&GatewayId| origin.is_none_or(|origin| served.chain == origin);
        let mut claims = Vec::new();
        for destination in self.chains.keys() {
            let origins = self.chains.keys().filter(is_asked).filter(|origin| *origin != destination);
            let Some((proven, facts)) = self.archive().facts(*destination)? else {
                claims.extend(origins.map(|origin| Claim::unproven(origin.chain, destination.chain)));
                continue;
            };
            for origin in origins {
                claims.extend(self.claim(*origin, *destination, &proven, &facts).await?);
            }
        }
        Ok(claims)
    }

    /// `None` if nothing was ever earned there, as far as is proven.
    async fn claim(
        &self,
        origin: GatewayId,
        destination: GatewayId,
        proven: &ProvenCommitment,
        facts: &FactsMap,
    ) -> Result<Option<Claim>, RequestError> {
        let (key, earned) = (FactKey::Fees { origin, executor: self.account }, facts.fees(origin, self.account));
        let Some((_, fact_proof)) = facts.prove(&key).filter(|_| !earned.is_zero()) else { return Ok(None) };
        let (height, paid) = (proven.commitment.block_number, self.paid(origin, destination).await?);
        let (from, at) = (origin.chain, destination.chain);
        let claim = Claim { origin: from, destination: at, height, earned, paid, place: None, problem: None };
        if paid >= earned {
            return Ok(Some(claim));
        }
        Ok(Some(match self.claim_due(origin, proven, earned, fact_proof).await {
            Ok(queued) => Claim { place: Some(queued.place), ..claim },
            // The others are claimed all the same.
            Err(error @ (RequestError::Reverts { .. } | RequestError::NotYet(_))) => {
                Claim { problem: Some(error.to_string()), ..claim }
            }
            Err(error) => return Err(error),
        }))
    }

    async fn claim_due(
        &self,
        origin: GatewayId,
        proven: &ProvenCommitment,
        total: U256,
        fact_proof: FactProof,
    ) -> Result<Queued, RequestError> {
        let proven = self.taken_by(origin, proven.clone())?;
        self.act(Action::ClaimFees(ClaimFees { origin, proven, executor: self.account, total, fact_proof }), None).await
    }

    async fn paid(&self, origin: GatewayId, destination: GatewayId) -> Result<U256, RequestError> {
        let GatewayId { chain, gateway } = destination;
        let call =
            feesPaidCall { destinationChainId: chain.get(), destinationGateway: gateway, executor: self.account };
        let writer = &self.served(origin)?.writer;
        let answer = writer.call(self.account, origin.gateway, call.abi_encode().into()).await;
        feesPaidCall::abi_decode_returns(&answer.map_err(RequestError::Chain)?).map_err(|error| {
            let problem = format!("feesPaid answers what cannot be read: {error}");
            RequestError::Chain(ChainError::Unverifiable { chain: origin.chain, problem })
        })
    }

    // ---- What is shown ----

    fn message(&self, id: MessageId) -> Result<(Message, MessageEntry), RequestError> {
        let entry = self.index.find(id)?.ok_or(RequestError::Unknown(id))?;
        if entry.is_delivered() {
            return Err(RequestError::State("the message is delivered: there is nothing left to do"));
        }
        let unseen = RequestError::NotYet("the message was not seen leaving its origin");
        Ok((self.index.body(id)?.ok_or(unseen)?, entry))
    }

    /// A stored root of the message's lane that covers it.
    fn shown(&self, message: &Message) -> Result<Option<Snapshot>, RequestError> {
        Ok(self.index.snapshot(message.lane())?.filter(|snapshot| snapshot.count > message.sequence))
    }

    fn reclaim_void(&self, message: Message) -> Result<Action, RequestError> {
        const UNPROVEN: RequestError = RequestError::NotYet("no quorum has signed a block with the message");
        let (lane, sequence) = (message.lane(), message.sequence);
        let covered = self.archive().lane(lane).filter(|lane| lane.lane.count > sequence);
        let ProvenLane { proven, lane: state, proof: lane_proof } = covered.ok_or(UNPROVEN)?;
        let proven = self.taken_by(message.origin, proven)?;
        let path = self.archive().path(LeafId { lane, sequence }, state.count)?.ok_or(UNPROVEN)?;
        Ok(Action::ReclaimVoid(ReclaimVoid { message, proven, lane: state, lane_proof, path }))
    }

    fn archive(&self) -> &Archive {
        self.collector.archive()
    }

    /// The proof, or another epoch's of the same commitment if `verifier` does not know the proof's own.
    fn taken_by(&self, verifier: GatewayId, proven: ProvenCommitment) -> Result<ProvenCommitment, RequestError> {
        let Some(known) = self.in_force.at(verifier) else { return Ok(proven) };
        if known.contains(&proven.proof.epoch()) {
            return Ok(proven);
        }
        let chain = proven.commitment.origin.chain;
        let mut others = known.into_iter().filter_map(|epoch| self.collector.newest_proof(chain, Some(epoch)));
        let taken = others.find(|other| other.commitment == proven.commitment);
        taken.ok_or(RequestError::NotYet("no epoch that the gateway knows has signed the newest proven block"))
    }

    // ---- What is queued ----

    fn served(&self, gateway: GatewayId) -> Result<&Served, RequestError> {
        self.chains.get(&gateway).ok_or(RequestError::Unserved(gateway.chain))
    }

    /// Queues an action that its gateway would do as things stand.
    async fn act(&self, action: Action, trace: Option<TraceContext>) -> Result<Queued, RequestError> {
        let gateway = action.gateway();
        let Served { partition, writer } = self.served(gateway)?;
        let chain = gateway.chain;
        let (to, data) = call::action(&action);
        if let Err(error) = writer.estimate(self.account, to, data).await {
            return Err(match error {
                ChainError::Refused { problem, revert, .. } => {
                    RequestError::Reverts { chain, revert: Revert::read(&revert, &problem) }
                }
                error => RequestError::Chain(error),
            });
        }
        let word = action.as_str();
        let record = ReadyRecord::Act(Box::new(action));
        let offset = self.records.publish(*partition, Vec::new(), trace, record).await?;
        tracing::info!(action = word, %chain, offset = offset.0, "an operator asks for it");
        Ok(Queued { action: word.to_owned(), chain, place: place(*partition, offset), then: None })
    }
}

/// Whether anything but its fee can be given back: no module sends generic messages, and the gateways' own carry nothing.
const fn carries_value(message: &Message) -> bool {
    matches!(message.kind, Kind::ValueFlow | Kind::Mapping)
}

/// The message's own trace goes on.
fn trace_of(entry: &MessageEntry) -> Option<TraceContext> {
    TraceContext::new(entry.sent.as_ref()?.trace.as_ref()?, "").ok()
}

fn place(partition: Partition, offset: Offset) -> String {
    format!("{}/{partition}/{}", Topic::Ready, offset.0)
}
