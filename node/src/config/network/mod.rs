//! `config/networks/NAME.toml`: what a network is. Deploy writes it, every daemon reads it.
//!
//! ```toml
//! [network]
//! name = "harbour"
//! hub_chain = 901
//! hub_registry = "0x…"
//!
//! [[chains]]
//! name = "hub"
//! id = 901
//! partition = 0
//! gateway = "0x…"
//! attester_set = "0x…"
//! hub_agent = "0x…"
//! era = "0x…"
//! deployment_block = 7
//! finality = "finalized"        # or "safe", or { blocks = 64 }
//! reading = "bloom-receipts"
//!
//! [[epochs]]
//! number = 1
//! table_hash = "0x…"
//! activates_at = 1790000000     # Unix seconds
//! expires_at = 1800000000
//!
//! [[epochs.members]]            # in the order of the table
//! operator = "0x…"
//! bls_key = "0x…"
//! transport_key = "0x…"
//! stake = "250000000000000000000000"
//! ```

mod read;
mod write;

use std::{io::Write, path::Path, sync::Arc};

use alloy::primitives::Address;
use metalayer_proto::{
    batch::TransportKey,
    ids::{ChainId, GatewayId, NetworkId},
    quorum::{EpochTable, Member},
    topics::Partition,
};

use super::{Document, InvalidConfig};
use crate::{
    chain::{Finality, ReadingMode},
    epochs::{Epoch, EpochBook},
};
use read::{combine, read_chain, read_epoch, read_head};
pub use read::{read_finality, read_member};

/// A network, as its file tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFile {
    /// Its name.
    pub name: String,
    /// The chain of its registries.
    pub hub_chain: ChainId,
    /// The registry there.
    pub hub_registry: Address,
    /// All its chains, the hub among them.
    pub chains: Vec<ChainEntry>,
    /// Its epochs, ascending by number.
    pub epochs: Vec<EpochEntry>,
}

/// One chain of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEntry {
    /// What people call it.
    pub name: String,
    /// Which chain it is.
    pub id: ChainId,
    /// Its number on the bus, never given to another chain.
    pub partition: Partition,
    /// The gateway.
    pub gateway: Address,
    /// The attester set's contract.
    pub attester_set: Address,
    /// The contract that governance reaches.
    pub hub_agent: Address,
    /// The $ERA token.
    pub era: Address,
    /// The block in which the gateway was deployed: where its history begins.
    pub deployment_block: u64,
    /// When a block counts.
    pub finality: Finality,
    /// How it is read.
    pub reading: ReadingMode,
}

impl ChainEntry {
    /// The gateway with its chain.
    pub const fn gateway_id(&self) -> GatewayId {
        GatewayId { chain: self.id, gateway: self.gateway }
    }
}

/// One epoch of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// Keys and stakes.
    pub table: Arc<EpochTable>,
    /// From when its proofs hold, in Unix seconds.
    pub activates_at: u64,
    /// From when they hold no more, in Unix seconds.
    pub expires_at: u64,
    /// Its members, in the order of the table.
    pub members: Vec<MemberEntry>,
}

/// Who stands behind a key of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberEntry {
    /// The operator's account.
    pub operator: Address,
    /// The key it sends batches under.
    pub transport_key: TransportKey,
    /// The key it signs with, and its stake.
    pub member: Member,
}

impl NetworkFile {
    /// Reads and checks a file; every problem at once.
    pub fn load(file: &Path) -> Result<Self, InvalidConfig> {
        Self::read(Document::open(file)?)
    }

    /// Checks what `document` says.
    pub fn read(document: Document) -> Result<Self, InvalidConfig> {
        let network = {
            let root = document.root();
            let head = root.section("network", "a table [network]").map(|section| read_head(&section));
            let chains = root.sections("chains", "a table [[chains]] for each chain");
            let chains: Vec<Option<ChainEntry>> = chains.iter().map(read_chain).collect();
            let epochs = root.sections("epochs", "a table [[epochs]] for each epoch");
            let epochs: Vec<Option<EpochEntry>> = epochs.iter().map(read_epoch).collect();
            combine(head.flatten(), chains, epochs)
        };
        if let Some(network) = &network {
            network.check_whole(&document);
        }
        document.finish(network)
    }

    /// The network's id.
    pub fn id(&self) -> NetworkId {
        NetworkId::new(&self.name, self.hub_chain, self.hub_registry)
    }

    /// A chain by its id.
    pub fn chain(&self, id: ChainId) -> Option<&ChainEntry> {
        self.chains.iter().find(|chain| chain.id == id)
    }

    /// The epochs, as daemons use them.
    pub fn epoch_book(&self) -> EpochBook {
        let epochs = self.epochs.iter().map(|epoch| Epoch {
            table: epoch.table.clone(),
            activates_at: epoch.activates_at,
            expires_at: epoch.expires_at,
            keys: epoch.members.iter().map(|one| (one.transport_key, one.member.key)).collect(),
        });
        EpochBook::new(self.id(), epochs)
    }

    /// Writes the file; who reads it meanwhile sees the old one or the new one.
    pub fn save(&self, file: &Path) -> std::io::Result<()> {
        let unfinished = file.with_extension("toml.unfinished");
        let mut created = std::fs::File::create(&unfinished)?;
        created.write_all(self.to_toml().as_bytes())?;
        created.sync_all()?;
        std::fs::rename(unfinished, file)
    }

    /// What no single table shows.
    fn check_whole(&self, document: &Document) {
        for (index, chain) in self.chains.iter().enumerate() {
            let before = &self.chains[..index];
            let twice = |key: &str, is_twice: bool, remedy: &str| {
                if is_twice {
                    document.problem(&format!("chains[{index}].{key}"), "another chain has it already", remedy);
                }
            };
            twice("name", before.iter().any(|other| other.name == chain.name), "give each chain its own name");
            twice("id", before.iter().any(|other| other.id == chain.id), "name each chain once");
            twice(
                "partition",
                before.iter().any(|other| other.partition == chain.partition),
                "give each chain its own number",
            );
        }
        if self.chain(self.hub_chain).is_none() {
            let remedy = "write the id of one of [[chains]]";
            document.problem("network.hub_chain", format!("{} is no chain of this network", self.hub_chain), remedy);
        }
        for (index, pair) in self.epochs.windows(2).enumerate() {
            if pair[0].table.epoch() >= pair[1].table.epoch() {
                let path = format!("epochs[{}].number", index + 1);
                document.problem(&path, "it is not above its predecessor's", "order the epochs by number, each once");
            }
        }
    }
}
