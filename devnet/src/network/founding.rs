//! A network's contracts on its nodes, and what a demo needs beyond them.

use std::sync::Arc;

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use futures::future::try_join_all;
use relayer::deploy::{self, Account, TransactionError};

use super::{
    Attester, Chain, EPOCH, FAULTY, Ground, NAME, NetworkError, Succession, endpoints, files, members,
    plan::{self, now_s},
    recipients, succession,
};
use crate::{console::Console, preflight::Programs, processes::Processes, run_dir::RunDir};

/// How much of the first epoch is left, in times that something may be under way: enough to hand over.
const FIRST_EPOCH_WAITS: u64 = 6;
/// What the executor gets on every chain: enough gas for some thousand messages.
const EXECUTOR_GAS: u64 = 400_000_000;
/// What the team gets on every chain: enough gas for a few transactions.
const TEAM_GAS: u64 = 2_000_000;

/// A network that no daemon serves yet.
pub(super) struct Founded {
    pub(super) chains: Vec<Chain>,
    /// Of whoever has coin, one on each chain.
    pub(super) accounts: Vec<Account>,
    pub(super) attesters: Vec<Attester>,
    pub(super) succession: Succession,
    pub(super) executor: PrivateKeySigner,
    /// The rollups' team: sets routes.
    pub(super) team: PrivateKeySigner,
}

/// Deploys everything, and writes the network's file.
pub(super) async fn found(
    dir: &RunDir,
    programs: &Programs,
    ground: &Ground,
    processes: &mut Processes,
    console: &Console,
) -> Result<Founded, NetworkError> {
    let nodes = ground.nodes(processes, console).await?;
    let endpoints = endpoints::of_all(dir, programs, &nodes, processes).await?;
    let mut accounts = try_join_all(nodes.iter().map(|node| ground.account(node))).await?;

    console.say("deploying the contracts");
    let attesters = members::draw();
    let (executor, team) = (PrivateKeySigner::random(), PrivateKeySigner::random());
    let table = Arc::new(members::table(EPOCH, &attesters)?);
    let planned: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.chain)).collect();
    let mut plan = plan::plan(NAME, &planned, ground.rich.address(), table);
    plan.faulty = nodes.get(FAULTY).map(|node| node.chain);
    plan.roles.route_admin = team.address();
    plan.epoch_overlap_s = succession::OVERLAP_S;
    // At its end already, as when an operator hands over.
    plan.expires_at = now_s() + FIRST_EPOCH_WAITS * ground.nodes.arrival_max().as_secs();
    plan.activates_at = plan.expires_at - succession::LIFE_S;
    let deployed = deploy::deploy(&plan, &mut accounts).await?;
    let members = members::entries(&plan.table, &attesters);
    deployed.network_file(&plan, &members).save(&dir.path().join(files::NETWORK))?;

    let recipients = recipients::create(&mut accounts).await?;
    let (hub, registry) = (&mut accounts[0], deployed.hub_registry);
    let succession = Succession::register(hub, &nodes[0].url, deployed.network, registry, &attesters).await?;
    fund(&mut accounts, [(executor.address(), EXECUTOR_GAS), (team.address(), TEAM_GAS)]).await?;
    let chains = (nodes.into_iter().zip(endpoints))
        .zip(deployed.chains.into_iter().zip(recipients))
        .map(|((node, endpoints), (deployment, recipients))| Chain { node, endpoints, deployment, recipients })
        .collect();
    Ok(Founded { chains, accounts, attesters, succession, executor, team })
}

/// Gives accounts what they spend, on every chain.
async fn fund(accounts: &mut [Account], spenders: [(Address, u64); 2]) -> Result<(), TransactionError> {
    try_join_all(accounts.iter_mut().map(async |account| {
        let mut given = Vec::new();
        for (spender, gas) in spenders {
            given.push(account.pay_for_gas(spender, gas).await?);
        }
        for inclusion in &given {
            account.included(inclusion).await?;
        }
        Ok(())
    }))
    .await
    .map(drop)
}
