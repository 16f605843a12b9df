//! What can be done with a network that goes on.

use metalayer_proto::ids::MessageId;

use crate::{network::Network, run_dir::RunDir};

/// Commands to be pasted.
pub(super) fn commands(dir: &RunDir, network: &Network, example: Option<MessageId>) -> String {
    let mut lines = vec![String::from("\nEverything goes on. To look at it:")];
    for daemon in &network.daemons {
        lines.push(format!("    curl -s 'http://{}/readyz?verbose'    # {}", daemon.telemetry, daemon.name));
    }
    lines.push(format!("    curl -s http://{}/v1/origins    # what attesters have signed", network.collector));
    if let Some(daemon) = network.daemons.first() {
        lines.push(format!("    curl -s http://{}/metrics | grep ^metalayer_", daemon.telemetry));
    }
    for chain in &network.chains {
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#;
        let (node, name) = (&chain.node, &chain.node.name);
        lines.push(format!("    curl -s -H 'content-type: application/json' -d '{request}' {}    # {name}", node.url));
    }
    if let Some(id) = example {
        let run = dir.path().display();
        lines.push(format!(
            "    {run}/bin/relayer trace {id} --config {run}/relayer/relayer.toml    # one message's way"
        ));
    }
    lines.push(format!("    tail -f {}/logs/relayer.log", dir.path().display()));
    lines.push("To end it, and any other demo of this clone:\n    make stop".to_owned());
    lines.join("\n")
}
