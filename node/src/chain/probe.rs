//! The probe of a chain's endpoints at start-up: every problem of every endpoint at once, before anything is read.

use std::{fmt, sync::Arc};

use alloy::primitives::{Address, B256, U64};
use metalayer_proto::ids::ChainId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    blocks::receipts_of,
    endpoint::{CallError, Endpoint},
    header,
    pool::SourceError,
    reader::Finality,
    receipts,
};

/// What the endpoints of a chain must be able to show.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The chain that they must serve.
    pub chain: ChainId,
    /// The gateway whose deployment they must show.
    pub gateway: Address,
    /// The block that it was deployed in.
    pub deployment_block: u64,
    /// How finality is asked for.
    pub finality: Finality,
}

/// What is wrong with an endpoint, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeProblem {
    /// The endpoint, as `scheme://host:port`.
    pub endpoint: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
    /// Whether the endpoint did not answer at all, rather than answer wrongly.
    pub unreachable: bool,
}

impl fmt::Display for ProbeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.endpoint, self.problem, self.remedy)
    }
}

/// Probes all endpoints at once. Empty: every one of them serves.
pub async fn probe(endpoints: &[Arc<Endpoint>], expected: &Expected) -> Vec<ProbeProblem> {
    let each = endpoints.iter().map(|endpoint| probe_one(endpoint, expected));
    futures::future::join_all(each).await.into_iter().flatten().collect()
}

async fn probe_one(endpoint: &Endpoint, expected: &Expected) -> Vec<ProbeProblem> {
    let found = |problem: String, remedy: &str, unreachable: bool| ProbeProblem {
        endpoint: endpoint.name().to_owned(),
        problem: format!("{}: {problem}", expected.chain),
        remedy: remedy.to_owned(),
        unreachable,
    };
    // A dead endpoint is one problem, not three; one of another chain shows neither blocks nor gateway.
    match endpoint.call("eth_chainId", json!([])).await.map(|id| U64::deserialize(id).map(|id| id.to::<u64>())) {
        Err(error) => return vec![found(error.to_string(), "check that the node runs and the URL is right", true)],
        Ok(Ok(id)) if id == expected.chain.get() => {}
        Ok(Ok(id)) => {
            return vec![found(
                format!("it serves chain eip155:{id}"),
                "give the URL of a node of the right chain",
                false,
            )];
        }
        Ok(Err(_)) => return vec![found("its eth_chainId is no number".into(), "give the URL of an EVM node", false)],
    }
    let (finality, deployment) =
        tokio::join!(check_finality(endpoint, expected.finality), check_deployment(endpoint, expected));
    let finality = finality.err().map(|(problem, unreachable)| {
        found(problem, "use a node that knows the block tag which the chain's finality rule needs", unreachable)
    });
    let deployment = deployment.err().map(|(problem, unreachable)| {
        found(
            problem,
            "use a node that keeps this block and its receipts, on a chain that Ethereum's rules can verify",
            unreachable,
        )
    });
    finality.into_iter().chain(deployment).collect()
}

/// A problem, and whether it is that no answer came.
type Failure = (String, bool);

fn failure(error: CallError) -> Failure {
    (error.to_string(), !matches!(error, CallError::Rpc { .. } | CallError::Malformed(_)))
}

async fn check_finality(endpoint: &Endpoint, finality: Finality) -> Result<(), Failure> {
    let (tag, _) = finality.tag();
    match endpoint.call("eth_getBlockByNumber", json!([tag, false])).await {
        Ok(Value::Null) => Err((format!("it has no `{tag}` block"), false)),
        Ok(_) => Ok(()),
        Err(error) => {
            let (problem, unreachable) = failure(error);
            Err((format!("it does not give the `{tag}` block: {problem}"), unreachable))
        }
    }
}

/// Verifies the block of the gateway's deployment as the reader verifies any block, and finds the gateway in it: in a
/// receipt that created it, or in a log of its own (a factory's receipt names no created contract).
async fn check_deployment(endpoint: &Endpoint, expected: &Expected) -> Result<(), Failure> {
    let number = expected.deployment_block;
    let block = endpoint.call("eth_getBlockByNumber", json!([format!("{number:#x}"), false])).await.map_err(failure)?;
    let hash = block.get("hash").and_then(|hash| B256::deserialize(hash).ok());
    let hash = hash.ok_or_else(|| (format!("it does not have block {number}"), false))?;
    let header = header::verify(&block, hash).map_err(|problem| (problem, false))?.header;

    let receipts = receipts_of(endpoint, number).await.map_err(|error| match error {
        SourceError::Silent(problem) | SourceError::Unproven(_, problem) => (problem, false),
    })?;
    let logs = receipts::verify(&receipts, header.receipts_root)
        .map_err(|problem| (format!("block {number}: {problem}"), false))?;
    let gateway = expected.gateway;
    if receipts::creates(&receipts, gateway) || logs.iter().any(|one| one.address == gateway) {
        return Ok(());
    }
    Err((format!("block {number} does not deploy the gateway {gateway}"), false))
}
