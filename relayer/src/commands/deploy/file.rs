//! The file of a network to be deployed. `config/deploy.toml` is a commented example.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy::primitives::{Address, Bytes, U256, aliases::U208};
use metalayer_node::{
    chain::ReadingMode,
    config::{Document, InvalidConfig, MemberEntry, Section, read_finality, read_member},
    daemon::read_rpc,
};
use metalayer_proto::{
    bls::PossessionProof,
    ids::{ChainId, NetworkId},
    quorum::EpochTable,
    topics::Partition,
};

use crate::{
    commands::era::Era,
    deploy::{ChainPlan, InboundCap, RegistryRoles, Roles},
};

/// The epoch that a network begins with.
const EPOCH: u64 = 1;

/// What the file says.
#[derive(Debug)]
pub(super) struct DeployFile {
    pub(super) name: String,
    pub(super) hub_chain: ChainId,
    /// The file that is to be written.
    pub(super) network_file: PathBuf,
    /// The file of the key that pays on every chain.
    pub(super) key_file: PathBuf,
    pub(super) chains: Vec<(ChainPlan, Vec<String>)>,
    pub(super) table: Arc<EpochTable>,
    pub(super) members: Vec<MemberEntry>,
    pub(super) lasts_days: u64,
    pub(super) overlap_s: u64,
    pub(super) inbound: InboundCap,
    pub(super) roles: Roles,
}

impl DeployFile {
    pub(super) fn load(file: &Path) -> Result<Self, InvalidConfig> {
        let document = Document::open(file)?;
        let read = read(&document.root(), document.folder());
        document.finish(read)
    }
}

fn read(root: &Section<'_>, folder: &Path) -> Option<DeployFile> {
    let name = root.text("name", "the network's name");
    let hub_chain = root.parsed("hub_chain", "the hub, such as \"eip155:900\"");
    let network_file = root.file("network_file", "the path to write the network's file to", folder);
    let key_file = root.file("key_file", "the file of the key that pays on every chain", folder);
    let chains = read_chains(root, hub_chain);
    let planned = name.zip(hub_chain).map(|(name, hub)| NetworkId::planned(name, hub));
    let members = root.sections("members", "one [[members]] for each attester of the first epoch");
    let members: Vec<_> = members.iter().map(|section| read_founder(section, planned)).collect();
    let members: Option<Vec<_>> = members.into_iter().collect();
    // Of none it is told already that they are missing.
    let some = members.as_ref().filter(|members| !members.is_empty());
    let table = some.and_then(|members| read_table(root, members));
    let epoch = root.section("epoch", "a table [epoch] with lasts_days and overlap_s");
    let lasts_days = epoch.as_ref().and_then(|epoch| epoch.integer("lasts_days", 30..=3_650));
    let overlap_s = epoch.and_then(|epoch| epoch.integer("overlap_s", 1..=30 * 86_400));
    let inbound = root.section("inbound", "a table [inbound] with capacity_era and window_s");
    let inbound = inbound.and_then(|section| read_inbound(&section));
    let roles = root.section("roles", "a table [roles] that names each role's account");
    let roles = roles.and_then(|section| read_roles(&section));
    Some(DeployFile {
        name: name?.to_owned(),
        hub_chain: hub_chain?,
        network_file: network_file?,
        key_file: key_file?,
        chains: chains?,
        table: table?,
        members: members?,
        lasts_days: lasts_days?,
        overlap_s: overlap_s?,
        inbound: inbound?,
        roles: roles?,
    })
}

fn read_chains(root: &Section<'_>, hub: Option<ChainId>) -> Option<Vec<(ChainPlan, Vec<String>)>> {
    let sections = root.sections("chains", "one [[chains]] for each chain, the hub among them");
    let chains: Vec<_> = sections.iter().map(read_chain).collect();
    let (mut names, mut ids, mut partitions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (section, (plan, _)) in
        sections.iter().zip(&chains).filter_map(|(section, chain)| Some((section, chain.as_ref()?)))
    {
        let twice = |key, is_new: bool| {
            if !is_new {
                section.problem(key, "another chain has it already", "give each chain its own");
            }
        };
        twice("name", names.insert(plan.name.clone()));
        twice("id", ids.insert(plan.id));
        twice("partition", partitions.insert(plan.partition));
    }
    let chains: Vec<_> = chains.into_iter().collect::<Option<_>>()?;
    if hub.is_some_and(|hub| !ids.contains(&hub)) {
        root.problem("hub_chain", "none of [[chains]] has this id", "add the hub, or name one of them");
    }
    Some(chains)
}

fn read_chain(section: &Section<'_>) -> Option<(ChainPlan, Vec<String>)> {
    let name = section.text("name", "what people call the chain");
    let id = section.parsed("id", "the chain, such as \"eip155:901\"");
    let partition = section.integer("partition", 0..=u32::MAX.into());
    let finality = read_finality(section);
    let rpc = read_rpc(section);
    let plan = ChainPlan {
        name: name?.to_owned(),
        id: id?,
        partition: Partition(u32::try_from(partition?).ok()?),
        finality: finality?,
        reading: ReadingMode::BloomReceipts,
    };
    Some((plan, rpc?))
}

/// A member of the first epoch. Nobody has checked its key on a chain, so that its proof is checked here: a key computed from
/// the others' could sign for them.
fn read_founder(section: &Section<'_>, network: Option<NetworkId>) -> Option<MemberEntry> {
    const WHAT: &str = "what `attester keys prove` prints";
    let member = read_member(section);
    let proof: Option<Bytes> = section.parsed("possession", WHAT);
    let (member, proof, network) = (member?, proof?, network?);
    let holds = PossessionProof::from_bytes(&proof)
        .is_ok_and(|proof| proof.verify(&member.member.key, network, member.operator).is_ok());
    if !holds {
        let remedy = format!("take {WHAT} for this operator, network name and hub");
        section.problem("possession", "it does not prove that the operator holds this key", remedy);
    }
    Some(member)
}

fn read_table(root: &Section<'_>, members: &[MemberEntry]) -> Option<Arc<EpochTable>> {
    let transport: BTreeSet<_> = members.iter().map(|one| one.transport_key).collect();
    if transport.len() < members.len() {
        root.problem("members", "two have the same transport key", "give each member its own");
    }
    // The table's order, whatever the file's.
    let mut keys: Vec<_> = members.iter().map(|one| one.member).collect();
    keys.sort_by_key(|member| member.key.x_bytes());
    let table = EpochTable::new(EPOCH, keys);
    table.map(Arc::new).map_err(|error| root.problem("members", error.to_string(), "correct the members")).ok()
}

fn read_inbound(section: &Section<'_>) -> Option<InboundCap> {
    let capacity: Option<Era> = section.parsed("capacity_era", "an amount of $ERA as a decimal in quotes");
    let window_s = section.integer("window_s", 1..=u32::MAX.into());
    let Era(capacity) = capacity?;
    if capacity > U256::from(U208::MAX) {
        section.problem("capacity_era", "it is more than there can be", "write at most the supply");
        return None;
    }
    Some(InboundCap { capacity: capacity.saturating_to(), window_s: u32::try_from(window_s?).ok()? })
}

fn read_roles(section: &Section<'_>) -> Option<Roles> {
    const WHAT: &str = "an account: 0x and 40 hexadecimal digits";
    let account = |key| section.parsed::<Address>(key, WHAT);
    let [era_holder, route_admin, guardian] = ["era_holder", "route_admin", "guardian"].map(account);
    let [admin, registrar, governor, staker] = ["admin", "registrar", "governor", "staker"].map(account);
    let council = section.list("council", WHAT);
    let unfreeze_delay_s = section.integer("unfreeze_delay_s", 1..=30 * 86_400);
    Some(Roles {
        era_holder: era_holder?,
        route_admin: route_admin?,
        guardian: guardian?,
        council: council?,
        unfreeze_delay_s: unfreeze_delay_s?,
        registry: RegistryRoles { admin: admin?, registrar: registrar?, governor: governor?, staker: staker? },
    })
}
