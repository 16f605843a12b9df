//! The probe at start-up.

use super::{super::anvil::Anvil, *};

const DEPLOYED_IN: u64 = 2;

fn expected() -> Expected {
    Expected { chain: chain_id(), gateway: GATEWAY, deployment_block: DEPLOYED_IN, finality: Finality::Finalized }
}

#[tokio::test]
async fn every_problem_of_every_endpoint_is_told_at_once() {
    let net = Net::of(5, 2).await;
    net.history();
    net.nodes[1].set(Faults { no_finality: true, alters_receipts: true, ..Faults::default() });
    net.nodes[2].set(Faults { chain: ChainId::new(7).ok(), ..Faults::default() });
    net.nodes[3].set(Faults { foreign_header: true, ..Faults::default() });
    let dead = net.nodes[4].url();
    let Net { mut nodes, reader, .. } = net;
    nodes.truncate(4);

    let problems = probe(reader.endpoints(), &expected()).await;
    let found: Vec<(&str, bool)> = problems.iter().map(|one| (one.endpoint.as_str(), one.unreachable)).collect();
    let (second, third, fourth) = (nodes[1].url(), nodes[2].url(), nodes[3].url());
    assert_eq!(
        found,
        [(&*second, false), (&*second, false), (&*third, false), (&*fourth, false), (&*dead, true)],
        "{problems:#?}"
    );
    assert!(problems.iter().all(|one| !one.remedy.is_empty()));
    assert!(problems[2].problem.contains("eip155:7"), "{}", problems[2]);
    assert!(problems[3].problem.contains("ZKsync"), "{}", problems[3]);
}

#[tokio::test]
async fn a_block_that_does_not_deploy_the_gateway_is_a_problem() {
    let net = Net::of(1, 1).await;
    net.history();
    let elsewhere = Expected { deployment_block: 3, ..expected() };
    let problems = probe(net.reader.endpoints(), &elsewhere).await;
    assert!(problems[0].problem.contains("does not deploy the gateway"), "{problems:?}");
    let beyond = Expected { deployment_block: 99, ..expected() };
    assert!(probe(net.reader.endpoints(), &beyond).await[0].problem.contains("does not have block 99"));
    assert_eq!(probe(net.reader.endpoints(), &expected()).await, []);
}

#[tokio::test]
async fn a_real_node_shows_a_real_deployment() {
    let anvil = Anvil::start();
    // Code that returns no code: an account is created all the same.
    let (gateway, deployment_block) = anvil.deploy(Bytes::from_static(&[0x00])).await;
    anvil.mine(2).await;
    let endpoints = endpoints([anvil.url.clone()], DEADLINE, &metrics());
    let expected = Expected { gateway, deployment_block, ..expected() };
    assert_eq!(probe(&endpoints, &expected).await, []);
    let elsewhere = Expected { deployment_block: deployment_block + 1, ..expected };
    assert_eq!(probe(&endpoints, &elsewhere).await.len(), 1);
}

#[tokio::test]
async fn nothing_is_read_before_enough_endpoints_were_probed() {
    let net = Net::start(Setup { deadline: Duration::from_millis(300), ..Setup::default() }).await;
    let end = net.history();
    let Net { nodes, reader, .. } = net;
    let reader = reader.expecting(expected());
    let all = |faults: &Faults| nodes.iter().for_each(|node| node.set(faults.clone()));

    // Nodes that do not answer, and nodes of another chain.
    all(&Faults { hangs: true, ..Faults::default() });
    let error = reader.finalized().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains(&nodes[0].url()), "{error}");
    all(&Faults { chain: ChainId::new(7).ok(), ..Faults::default() });
    let error = reader.block_at(1).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("eip155:7"), "{error}");
    let told = reader.told(GATEWAY, 1..=2, &|_| Ok(())).await;
    assert!(matches!(told, Err(ChainError::TooFewAnswers { .. })));

    all(&Faults::default());
    assert_eq!(reader.finalized().await.unwrap(), end);
    // Once is enough.
    all(&Faults { chain: ChainId::new(7).ok(), ..Faults::default() });
    assert_eq!(reader.finalized().await.unwrap(), end);
}
