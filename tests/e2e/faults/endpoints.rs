//! Endpoints that misbehave, one of three at a time, and a node that stops: each is named, and nobody else is held up.

use std::time::{Duration, Instant};

use devnet::{
    network::{Chain, Daemon, restart},
    processes::Signal,
    proxy::{Fault, set_fault},
};

use crate::{
    faults::signed::nobody_signed_a_lie,
    network::{World, eventually, log_of, told},
};

const HUB: usize = 0;
const HARBOUR: usize = 1;
const MARKET: usize = 2;
/// Where among a chain's endpoints its proxies stand; the node itself is the first.
const PROXIES: [usize; 2] = [1, 2];
/// How soon a stopped chain is named.
const NAMED_MAX: Duration = Duration::from_secs(30);

/// What an attester says of an endpoint that does this: a metric and words in its log, beside the endpoint's name.
const fn kind(fault: Fault) -> (&'static str, &'static str, &'static str) {
    match fault {
        Fault::DropsLog => ("metalayer_rpc_lies_total", ",what=\"receipts\"", "an RPC endpoint lies; benched"),
        // It claims logs that are not there; whoever asks it first sees it by the receipts already.
        Fault::AltersReceipt => ("metalayer_rpc_lies_total", ",what=\"log\"", "an RPC endpoint lies; benched"),
        Fault::InventsHead => ("metalayer_rpc_lies_total", ",what=\"hash\"", "an RPC endpoint lies; benched"),
        Fault::Hangs => ("metalayer_rpc_silent", "", "an RPC endpoint does not answer in time"),
    }
}

/// Whether a daemon's metric and log name this endpoint and what it does.
async fn names(daemon: &Daemon, chain: &Chain, endpoint: &str, fault: Fault) -> bool {
    let (metric, what, words) = kind(fault);
    let metric = format!("{metric}{{chain=\"{}\",endpoint=\"{endpoint}\"{what}}} ", chain.node.chain);
    let metrics = told(daemon, "metrics").await;
    let log = log_of(daemon);
    metrics.lines().any(|line| line.starts_with(&metric) && !line.ends_with(" 0"))
        && log.lines().any(|line| line.contains(words) && line.contains(endpoint))
}

impl World {
    /// One endpoint of a chain misbehaves: what is sent from and to it arrives all the same, and somebody names the endpoint.
    async fn misbehaves(&mut self, chain: usize, endpoint: usize, fault: Fault) {
        let url = self.network.chains[chain].endpoints[endpoint].clone();
        set_fault(&url, Some(fault)).await.expect("the proxy is told");
        let others: Vec<_> = [HUB, HARBOUR, MARKET].into_iter().filter(|other| *other != chain).collect();
        let lanes: Vec<_> = others.iter().flat_map(|other| [(chain, *other), (*other, chain)]).collect();
        let sent = self.send_over(&lanes).await;
        self.all_delivered(&sent).await;
        eventually(&format!("{fault:?} of {url} is named"), async || {
            for attester in self.attesters() {
                if names(attester, &self.network.chains[chain], &url, fault).await {
                    return Ok(());
                }
            }
            Err("nobody names it".to_owned())
        })
        .await;
        set_fault(&url, None).await.expect("the proxy is told");
    }

    /// A node is stopped: everybody names its chain and what waits for it, is ready all the same, and serves the others; then it goes on.
    async fn stops(&mut self, chain: usize, others: [usize; 2]) {
        let Chain { node, .. } = self.network.chains[chain].clone();
        self.processes.signal(&node.name, Signal::STOP);
        let stopped = Instant::now();
        for daemon in &self.network.daemons {
            let stage = if daemon.is_attester { "attest" } else { "watch" };
            let what = format!("{} names {} {stage}", daemon.name, node.chain);
            eventually(&what, async || {
                let verbose = told(daemon, "readyz?verbose").await;
                let metrics = told(daemon, "metrics").await;
                let is_metric = |line: &str| {
                    let labels = [format!("chain=\"{}\"", node.chain), format!("stage=\"{stage}\"")];
                    line.starts_with("metalayer_stage_stopped{")
                        && labels.iter().all(|label| line.contains(label.as_str()))
                };
                let named =
                    verbose.contains(&format!("[-] {} {stage}: ", node.chain)) && metrics.lines().any(is_metric);
                if named { Ok(()) } else { Err(verbose) }
            })
            .await;
            let took = stopped.elapsed();
            assert!(took < NAMED_MAX, "{what} only after {} s", took.as_secs());
            assert!(is_ready(daemon).await, "{} is ready for the others", daemon.name);
        }
        // Whoever is started meanwhile does not wait for it either.
        let attester = self.attesters().next().expect("an attester").clone();
        self.processes.kill(&attester.name).await.expect("it is killed");
        let restarted = restart(&[&attester], &mut self.processes, &self.console).await;
        restarted.expect("it is ready for the others");
        let [one, other] = others;
        let sent = self.send_over(&[(one, other), (other, one)]).await;
        let into = self.send_over(&[(one, chain), (other, chain)]).await;
        self.all_delivered(&sent).await;

        self.processes.signal(&node.name, Signal::CONT);
        let from = self.send_over(&[(chain, one), (chain, other)]).await;
        for sent in [into, from] {
            self.all_delivered(&sent).await;
        }
        for daemon in &self.network.daemons {
            eventually(&format!("{} is well again", daemon.name), async || {
                let verbose = told(daemon, "readyz?verbose").await;
                if verbose.contains("[-]") { Err(verbose) } else { Ok(()) }
            })
            .await;
        }
    }
}

async fn is_ready(daemon: &Daemon) -> bool {
    let answer = reqwest::get(format!("http://{}/readyz", daemon.telemetry)).await;
    answer.expect("the daemon answers").status().is_success()
}

#[tokio::test]
async fn endpoints_that_misbehave_and_a_node_that_stops_are_named_and_hold_up_nobody() {
    let mut world = World::start().await;
    let [first, second] = PROXIES;
    // One that hangs comes back; a liar does not for a while, and two of the others must agree.
    world.misbehaves(HARBOUR, second, Fault::Hangs).await;
    world.misbehaves(HARBOUR, first, Fault::DropsLog).await;
    world.misbehaves(MARKET, first, Fault::AltersReceipt).await;
    world.misbehaves(HUB, second, Fault::InventsHead).await;
    world.stops(MARKET, [HUB, HARBOUR]).await;
    world.all_is_well(&Default::default()).await;
    assert!(nobody_signed_a_lie(&mut world).await > 0);
    world.processes.stop().await;
}
