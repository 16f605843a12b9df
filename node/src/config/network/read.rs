//! Each table of a network's file, checked for itself.

use std::sync::Arc;

use alloy::primitives::{Address, B256};
use metalayer_proto::{
    batch::TransportKey,
    bls::PublicKey,
    ids::ChainId,
    quorum::{EpochTable, Member, Stake},
    topics::Partition,
};

use super::{ChainEntry, EpochEntry, MemberEntry, NetworkFile};
use crate::{chain::Finality, config::Section};

/// Name, hub chain and hub registry.
pub(super) type Head = (String, ChainId, Address);

pub(super) fn combine(
    head: Option<Head>,
    chains: Vec<Option<ChainEntry>>,
    epochs: Vec<Option<EpochEntry>>,
) -> Option<NetworkFile> {
    let (name, hub_chain, hub_registry) = head?;
    let chains = chains.into_iter().collect::<Option<_>>()?;
    let epochs = epochs.into_iter().collect::<Option<_>>()?;
    Some(NetworkFile { name, hub_chain, hub_registry, chains, epochs })
}

pub(super) fn read_head(section: &Section<'_>) -> Option<Head> {
    let name = section.text("name", "the network's name");
    let hub_chain = chain_id(section, "hub_chain");
    let hub_registry = contract(section, "hub_registry");
    Some((name?.to_owned(), hub_chain?, hub_registry?))
}

pub(super) fn read_chain(section: &Section<'_>) -> Option<ChainEntry> {
    let name = section.text("name", "the chain's name");
    let id = chain_id(section, "id");
    let partition = section.integer("partition", 0..=u32::MAX.into());
    let gateway = contract(section, "gateway");
    let attester_set = contract(section, "attester_set");
    let hub_agent = contract(section, "hub_agent");
    let era = contract(section, "era");
    let deployment_block = section.integer("deployment_block", 0..=u64::MAX);
    let finality = read_finality(section);
    let reading = section.parsed("reading", "\"bloom-receipts\"");
    Some(ChainEntry {
        name: name?.to_owned(),
        id: id?,
        partition: Partition(u32::try_from(partition?).ok()?),
        gateway: gateway?,
        attester_set: attester_set?,
        hub_agent: hub_agent?,
        era: era?,
        deployment_block: deployment_block?,
        finality: finality?,
        reading: reading?,
    })
}

fn chain_id(section: &Section<'_>, key: &str) -> Option<ChainId> {
    ChainId::new(section.integer(key, 1..=u64::MAX)?).ok()
}

fn contract(section: &Section<'_>, key: &str) -> Option<Address> {
    const WHAT: &str = "a contract's address: 0x and 40 hexadecimal digits, not zero";
    let address = section.parsed::<Address>(key, WHAT)?;
    if address.is_zero() {
        section.problem(key, "it is zero", format!("write {WHAT}"));
        return None;
    }
    Some(address)
}

/// Reads `finality`: when a block of the chain counts.
pub fn read_finality(section: &Section<'_>) -> Option<Finality> {
    const WHAT: &str = "\"finalized\", \"safe\" or { blocks = N }";
    if section.is_table("finality") {
        let rule = section.section("finality", WHAT)?;
        return rule.integer("blocks", 1..=1_000_000).map(Finality::Blocks);
    }
    match section.text("finality", WHAT)? {
        "finalized" => Some(Finality::Finalized),
        "safe" => Some(Finality::Safe),
        _ => {
            section.problem("finality", "no such rule", format!("write {WHAT}"));
            None
        }
    }
}

pub(super) fn read_epoch(section: &Section<'_>) -> Option<EpochEntry> {
    let number = section.integer("number", 0..=u64::MAX);
    let table_hash = section.parsed::<B256>("table_hash", "the table's hash, 32 bytes in hexadecimal");
    let activates_at = section.integer("activates_at", 0..=u64::MAX);
    let expires_at = section.integer("expires_at", 1..=u64::MAX);
    let members = section.sections("members", "a table [[epochs.members]] for each member");
    let members: Vec<Option<MemberEntry>> = members.iter().map(read_member).collect();
    if activates_at.zip(expires_at).is_some_and(|(from, until)| from >= until) {
        section.problem("expires_at", "it is not after `activates_at`", "write when the epoch ends, in Unix seconds");
    }

    let (number, table_hash, members) = (number?, table_hash?, members.into_iter().collect::<Option<Vec<_>>>()?);
    let table = match EpochTable::new(number, members.iter().map(|one| one.member).collect()) {
        Ok(table) => table,
        Err(error) => {
            section.problem("members", error.to_string(), "take the members from the hub's registry");
            return None;
        }
    };
    if !table.members().iter().eq(members.iter().map(|one| &one.member)) {
        section.problem("members", "they are not in the order of the table", "order them by the first half of bls_key");
    }
    if table.hash() != table_hash {
        let remedy = "take members and hash of one epoch from the hub's registry";
        section.problem("table_hash", format!("the members have the hash {}", table.hash()), remedy);
    }
    let mut transport: Vec<TransportKey> = members.iter().map(|one| one.transport_key).collect();
    transport.sort_unstable();
    if transport.windows(2).any(|pair| pair[0] == pair[1]) {
        section.problem("members", "two have the same transport key", "give each member its own");
    }
    Some(EpochEntry { table: Arc::new(table), activates_at: activates_at?, expires_at: expires_at?, members })
}

/// Reads a member of an epoch: its operator, its keys and its stake.
pub fn read_member(section: &Section<'_>) -> Option<MemberEntry> {
    let account = operator(section);
    let key = bls_key(section);
    let transport = section.parsed::<B256>("transport_key", "an Ed25519 public key, 32 bytes in hexadecimal");
    let stake =
        section.parsed::<u128>("stake", "the stake in the smallest unit, as a decimal in quotes").and_then(|units| {
            Stake::new(units)
                .map_err(|error| section.problem("stake", error.to_string(), "write it as the registry has it"))
                .ok()
        });
    let member = Member { key: key?, stake: stake? };
    Some(MemberEntry { operator: account?, transport_key: TransportKey(transport?.0), member })
}

fn operator(section: &Section<'_>) -> Option<Address> {
    section.parsed("operator", "the operator's address: 0x and 40 hexadecimal digits")
}

fn bls_key(section: &Section<'_>) -> Option<PublicKey> {
    const WHAT: &str = "a BLS key, 192 bytes in hexadecimal";
    let text = section.text("bls_key", WHAT)?;
    let key = hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map_err(|error| error.to_string())
        .and_then(|bytes| PublicKey::from_bytes(&bytes).map_err(|error| error.to_string()));
    key.map_err(|problem| section.problem("bls_key", problem, format!("write {WHAT}"))).ok()
}
