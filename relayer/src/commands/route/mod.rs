//! `relayer route`: what a rollup's team allows on the lanes that leave its chains.
//!
//! Its gateway's one named role sets routes, so these transactions are signed with the team's own key, never by a daemon.

mod file;
mod terms;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, path::Path};

use alloy::{
    primitives::{Address, TxHash, TxKind},
    signers::local::PrivateKeySigner,
    sol_types::SolCall,
};
use metalayer_node::{
    chain::{ChainWriter, RpcWriter},
    config::ChainEntry,
    daemon::{DaemonError, open_writer},
    signer::read_executor_key,
};
use metalayer_proto::{events::abi, facts::Route, ids::ChainId};
use serde::Serialize;

use super::{connect, node_failed, write_lines};
use crate::deploy::{Account, GatewayConfig};
use file::{RouteEntry, RoutesFile};
use terms::Terms;

/// Routes as gateways have them.
#[derive(Debug, Serialize)]
pub struct Routes {
    routes: Vec<RouteRow>,
}

/// A route as its gateway has it.
#[derive(Debug, Serialize)]
struct RouteRow {
    from: ChainId,
    to: ChainId,
    /// `None`: there is no route, nothing can be sent.
    terms: Option<Terms>,
}

/// What was changed, or would be.
#[derive(Debug, Serialize)]
pub struct Changes {
    dry_run: bool,
    routes: Vec<Changed>,
}

#[derive(Debug, Serialize)]
struct Changed {
    from: ChainId,
    to: ChainId,
    change: Change,
    /// What the route was before.
    before: Option<Terms>,
    terms: Terms,
    /// The transaction that changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<TxHash>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Opened,
    Changed,
    Unchanged,
}

/// The routes that leave the chains of `file` to any chain of its network, as the gateways have them now.
///
/// # Errors
/// The file is wrong, or a chain does not answer.
pub async fn list(file: &Path) -> Result<Routes, DaemonError> {
    let file = RoutesFile::load(file)?;
    let mut routes = Vec::new();
    for from in file.rpc.keys() {
        let origin = Origin::open(&file, *from)?;
        for to in file.network.chains.iter().filter(|to| to.id != *from) {
            let terms = origin.route(to.id).await?.map(|route| Terms::of(&route));
            routes.push(RouteRow { from: *from, to: to.id, terms });
        }
    }
    Ok(Routes { routes })
}

/// Brings the routes of `file` onto their chains: what stands there already is left alone. Without a key nothing is sent, and it is
/// told what would be.
///
/// # Errors
/// The file is wrong, a chain does not answer, or the key is not the one that may set routes.
pub async fn register(file: &Path, key_file: Option<&Path>) -> Result<Changes, DaemonError> {
    let key = key_file.map(read_executor_key).transpose()?;
    let file = RoutesFile::load(file)?;
    let origins: BTreeMap<_, _> =
        file.rpc.keys().map(|from| Ok((*from, Origin::open(&file, *from)?))).collect::<Result<_, DaemonError>>()?;
    // All is looked at before anything is sent.
    let mut routes = Vec::new();
    for RouteEntry { from, to, route } in &file.routes {
        let Some(origin) = origins.get(from) else { continue };
        routes.push((Changed::from((*from, *to), origin.route(*to).await?, route), origin, *route));
    }
    if let Some(key) = &key {
        for origin in origins.values() {
            origin.require_admin(key.address()).await?;
        }
        for (changed, origin, route) in routes.iter_mut().filter(|(changed, ..)| changed.change != Change::Unchanged) {
            changed.transaction = Some(origin.set(key, changed.to, route).await?);
        }
    }
    Ok(Changes { dry_run: key.is_none(), routes: routes.into_iter().map(|(changed, ..)| changed).collect() })
}

impl Changed {
    fn from((from, to): (ChainId, ChainId), before: Option<Route>, wanted: &Route) -> Self {
        let change = match &before {
            None => Change::Opened,
            Some(before) if before == wanted => Change::Unchanged,
            Some(_) => Change::Changed,
        };
        let before = before.as_ref().map(Terms::of);
        Self { from, to, change, before, terms: Terms::of(wanted), transaction: None }
    }
}

/// A chain that routes leave.
struct Origin<'a> {
    entry: &'a ChainEntry,
    rpc: &'a [String],
    node: RpcWriter,
}

impl<'a> Origin<'a> {
    fn open(file: &'a RoutesFile, chain: ChainId) -> Result<Self, DaemonError> {
        let entry = file.network.chain(chain).ok_or_else(|| {
            DaemonError::Start(format!("{chain} is no chain of network {}: remove its [[chains]]", file.network.name))
        })?;
        let rpc = file.rpc.get(&chain).map(Vec::as_slice).unwrap_or_default();
        Ok(Self { entry, rpc, node: open_writer(chain, rpc)? })
    }

    async fn ask<C: SolCall>(&self, call: C) -> Result<C::Return, DaemonError> {
        let answer = self.node.call(Address::ZERO, self.entry.gateway, call.abi_encode().into()).await;
        let answer = answer.map_err(|error| node_failed(&error))?;
        C::abi_decode_returns(&answer).map_err(|_| {
            DaemonError::Start(format!(
                "{}: {} does not answer as a gateway: check network_file and rpc",
                self.entry.id, self.entry.gateway
            ))
        })
    }

    /// The route to `to`, if there is one.
    async fn route(&self, to: ChainId) -> Result<Option<Route>, DaemonError> {
        let route = self.ask(abi::routeToCall { destinationChainId: to.get() }).await?;
        Ok((!route.gateway.is_zero()).then(|| route.into()))
    }

    async fn require_admin(&self, account: Address) -> Result<(), DaemonError> {
        let admin = self.ask(GatewayConfig {}).await?.routeAdmin;
        if admin == account {
            return Ok(());
        }
        Err(DaemonError::Start(format!(
            "{}: {admin} alone may set routes there, and the key is that of {account}: give its key with --key-file",
            self.entry.id
        )))
    }

    /// Sets the route to `to`, and answers the transaction once it is in a block and the gateway says so.
    async fn set(&self, key: &PrivateKeySigner, to: ChainId, route: &Route) -> Result<TxHash, DaemonError> {
        let mut account: Account = connect(self.entry.id, self.rpc, key).await?;
        let call = abi::setRouteCall { destinationChainId: to.get(), route: (*route).into() }.abi_encode();
        let sent = account.send("setting a route", TxKind::Call(self.entry.gateway), call.into()).await?;
        let receipt = account.included(&sent).await?;
        if self.route(to).await? != Some(*route) {
            let what = format!(
                "{} -> {to}: the gateway does not have the route that was set: look at it again",
                self.entry.id
            );
            return Err(DaemonError::Start(what));
        }
        Ok(receipt.transaction_hash)
    }
}

impl fmt::Display for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.routes, "")
    }
}

impl fmt::Display for RouteRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, terms } = self;
        match terms {
            Some(terms) => write!(f, "{from} -> {to}  {terms}"),
            None => write!(f, "{from} -> {to}  no route"),
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Changed { from, to, change, before, terms, transaction } in &self.routes {
            let word = match (change, self.dry_run) {
                (Change::Opened, false) => "opened",
                (Change::Opened, true) => "would be opened",
                (Change::Changed, false) => "changed",
                (Change::Changed, true) => "would be changed",
                (Change::Unchanged, _) => "unchanged",
            };
            write!(f, "{from} -> {to}  {word}")?;
            transaction.iter().try_for_each(|hash| write!(f, ", transaction {hash}"))?;
            if *change == Change::Changed {
                before.iter().try_for_each(|before| write!(f, "\n    was {before}"))?;
            }
            writeln!(f, "\n    {terms}")?;
        }
        let sent = self.routes.iter().filter(|route| route.transaction.is_some()).count();
        if self.dry_run { f.write_str("nothing was sent: a dry run") } else { write!(f, "{sent} routes set") }
    }
}
