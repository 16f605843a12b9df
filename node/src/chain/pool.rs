//! The endpoints of one chain: asking all of them and none too long, and trying them in turn.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use metalayer_proto::ids::ChainId;

use super::{
    ChainError,
    endpoint::{CallError, Endpoint},
    metrics::{Lie, ReaderMetrics},
};

/// Once k endpoints have answered, how much longer the others are waited for: one that hangs delays nobody (I9).
const STRAGGLERS_WAIT: Duration = Duration::from_millis(50);

/// Why one endpoint's data was of no use.
#[derive(Debug)]
pub(super) enum SourceError {
    /// It did not answer, or does not have it yet.
    Silent(String),
    /// It answered what cannot be true, or cannot be verified.
    Unproven(Lie, String),
}

impl From<CallError> for SourceError {
    fn from(error: CallError) -> Self {
        Self::Silent(error.to_string())
    }
}

/// n endpoints of a chain, of which k must agree.
#[derive(Debug)]
pub(super) struct Pool {
    pub chain: ChainId,
    pub endpoints: Vec<Arc<Endpoint>>,
    pub quorum: usize,
    pub bench_pause: Duration,
    pub metrics: ReaderMetrics,
    first_choice: AtomicUsize,
}

/// What one endpoint answered.
pub(super) struct Answer<T> {
    pub endpoint: Arc<Endpoint>,
    pub value: T,
}

impl Pool {
    pub(super) fn new(
        chain: ChainId,
        endpoints: Vec<Arc<Endpoint>>,
        quorum: usize,
        bench_pause: Duration,
        metrics: ReaderMetrics,
    ) -> Self {
        Self { chain, endpoints, quorum, bench_pause, metrics, first_choice: AtomicUsize::new(0) }
    }

    /// Asks `among` at once. Resolves when all have answered or failed, or soon after k in all have answered, of which
    /// `have` did before. Who failed is told in words.
    pub(super) async fn ask<T, F>(
        &self,
        among: Vec<Arc<Endpoint>>,
        have: usize,
        question: impl Fn(Arc<Endpoint>) -> F,
    ) -> (Vec<Answer<T>>, Vec<String>)
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut waiting = among.clone();
        let mut pending: FuturesUnordered<_> = among
            .into_iter()
            .map(|endpoint| {
                let asked = question(endpoint.clone());
                async move { (endpoint, asked.await) }
            })
            .collect();
        let (mut answers, mut failures) = (Vec::new(), Vec::new());
        loop {
            let next = if have + answers.len() < self.quorum {
                pending.next().await
            } else {
                match tokio::time::timeout(STRAGGLERS_WAIT, pending.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                }
            };
            let Some((endpoint, outcome)) = next else { break };
            waiting.retain(|one| !Arc::ptr_eq(one, &endpoint));
            match outcome {
                Ok(value) => {
                    self.answered(&endpoint);
                    answers.push(Answer { endpoint, value });
                }
                Err(error) => {
                    let problem = error.to_string();
                    self.strike(&endpoint, &problem);
                    failures.push(format!("{}: {problem}", endpoint.name()));
                }
            }
        }
        waiting.iter().for_each(|late| self.strike(late, "the others were not kept waiting for it"));
        (answers, failures)
    }

    /// Tries the endpoints one after another until one gives what verifies.
    ///
    /// Those whose data did not verify where another's did are liars. If nobody's verifies and k were shown wrong, the
    /// chain itself cannot be verified.
    pub(super) async fn first<T, F>(&self, question: impl Fn(Arc<Endpoint>) -> F) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, SourceError>>,
    {
        let mut silent = self.benched();
        let mut unproven: Vec<(Arc<Endpoint>, Lie, String)> = Vec::new();
        for (position, endpoint) in self.in_order() {
            match question(endpoint.clone()).await {
                Ok(value) => {
                    self.answered(&endpoint);
                    self.first_choice.store(position, Ordering::Relaxed);
                    for (liar, lie, problem) in &unproven {
                        self.bench(liar, *lie, problem);
                    }
                    return Ok(value);
                }
                Err(SourceError::Silent(problem)) => {
                    self.strike(&endpoint, &problem);
                    silent.push(format!("{}: {problem}", endpoint.name()));
                }
                Err(SourceError::Unproven(lie, problem)) => unproven.push((endpoint, lie, problem)),
            }
        }
        match unproven.first() {
            Some((_, _, problem)) if unproven.len() >= self.quorum => {
                Err(ChainError::Unverifiable { chain: self.chain, problem: problem.clone() })
            }
            _ => {
                let unproven = unproven.iter().map(|(one, _, problem)| format!("{}: {problem}", one.name()));
                Err(self.too_few(0, silent.into_iter().chain(unproven).collect()))
            }
        }
    }

    /// Tries the endpoints one after another until k give the same answer that `check` accepts. What it refuses is no lie that others
    /// have shown: the endpoint may only have forgotten.
    pub(super) async fn alike<T: PartialEq, F>(
        &self,
        question: impl Fn(Arc<Endpoint>) -> F,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut failures = self.benched();
        let mut answers: Vec<(T, usize)> = Vec::new();
        for endpoint in self.trusted() {
            let answer = question(endpoint.clone()).await.map_err(|error| error.to_string());
            let checked = answer.and_then(|answer| check(&answer).map(|()| answer));
            let answer = match checked {
                Ok(answer) => answer,
                Err(problem) => {
                    failures.push(format!("{}: {problem}", endpoint.name()));
                    continue;
                }
            };
            let at = answers.iter().position(|(known, _)| *known == answer).unwrap_or(answers.len());
            if at == answers.len() {
                answers.push((answer, 0));
            }
            answers[at].1 += 1;
            if answers[at].1 == self.quorum {
                return Ok(answers.swap_remove(at).0);
            }
        }
        let most = answers.iter().map(|(_, count)| *count).max().unwrap_or(0);
        Err(self.too_few(most, failures))
    }

    /// Endpoints that are not benched: the first choice first, those that keep failing last.
    fn in_order(&self) -> Vec<(usize, Arc<Endpoint>)> {
        let first = self.first_choice.load(Ordering::Relaxed);
        let mut order: Vec<(usize, Arc<Endpoint>)> =
            self.endpoints.iter().cloned().enumerate().filter(|(_, endpoint)| endpoint.benched().is_none()).collect();
        order.sort_by_key(|(position, endpoint)| (endpoint.is_tired(), *position != first, *position));
        order
    }

    /// Endpoints that are not benched.
    pub(super) fn trusted(&self) -> Vec<Arc<Endpoint>> {
        self.in_order().into_iter().map(|(_, endpoint)| endpoint).collect()
    }

    /// Who is benched, and what for.
    fn benched(&self) -> Vec<String> {
        let reason = |one: &Arc<Endpoint>| one.benched().map(|what| format!("{} is benched: {what}", one.name()));
        self.endpoints.iter().filter_map(reason).collect()
    }

    /// Counts a call that failed or came too late, and says so once that happens again and again.
    fn strike(&self, endpoint: &Endpoint, problem: &str) {
        if endpoint.strike() {
            let (chain, endpoint) = (self.chain, endpoint.name());
            tracing::warn!(%chain, endpoint, problem, "an RPC endpoint does not answer in time; others are asked first");
        }
    }

    fn answered(&self, endpoint: &Endpoint) {
        if endpoint.answered() {
            tracing::info!(chain = %self.chain, endpoint = endpoint.name(), "an RPC endpoint answers again");
        }
    }

    /// Excludes a liar for a while, by name.
    pub(super) fn bench(&self, endpoint: &Endpoint, lie: Lie, problem: &str) {
        self.metrics.lied(endpoint.name(), lie);
        if endpoint.bench(problem, self.bench_pause) {
            tracing::error!(chain = %self.chain, endpoint = endpoint.name(), problem, "an RPC endpoint lies; benched");
        }
    }

    /// The error for `answered` of k, with what the others said.
    pub(super) fn too_few(&self, answered: usize, mut said: Vec<String>) -> ChainError {
        if answered > 0 {
            said.extend(self.benched());
        }
        let detail = if said.is_empty() { String::new() } else { format!("; {}", said.join("; ")) };
        ChainError::TooFewAnswers { chain: self.chain, answered, needed: self.quorum, detail }
    }
}
