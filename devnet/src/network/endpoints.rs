//! Where attesters read each chain: its nodes, and as many proxies to the first of them as make three endpoints.

use std::collections::BTreeMap;

use super::NetworkError;
use crate::{listening, node::Node, preflight::Programs, processes::Processes, run_dir::RunDir};

/// How many endpoints of each chain an attester reads.
const ENDPOINTS: usize = 3;

/// The endpoints of each of `nodes`.
pub(super) async fn of_all(
    dir: &RunDir,
    programs: &Programs,
    nodes: &[Node],
    processes: &mut Processes,
) -> Result<Vec<Vec<String>>, NetworkError> {
    let devnet = dir.copy_binary(&programs.devnet)?;
    let mut started = Vec::new();
    for node in nodes {
        // Its URL may hold a secret: it goes into a file, not into an argument (I12).
        let file = dir.write_secret(&format!("{}.url", node.name), &node.url)?;
        let mut proxies = Vec::new();
        for number in 1..=ENDPOINTS.saturating_sub(node.urls().len()) {
            let name = format!("{}-proxy-{number}", node.name);
            let arguments = ["proxy", "--node-file", &file.to_string_lossy()];
            let log = processes.start(&name, &devnet, &arguments, &BTreeMap::new())?;
            proxies.push((name, log));
        }
        started.push(proxies);
    }
    let mut all = Vec::new();
    for (node, proxies) in nodes.iter().zip(started) {
        let mut endpoints = node.urls();
        for (name, log) in proxies {
            endpoints.push(format!("http://{}", listening::wait(processes, &name, &log).await?));
        }
        all.push(endpoints);
    }
    Ok(all)
}
