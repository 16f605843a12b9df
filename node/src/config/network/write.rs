//! A network, as its file's text.

use super::{ChainEntry, EpochEntry, MemberEntry, NetworkFile};
use crate::chain::Finality;

impl NetworkFile {
    /// The file's text.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# Written by deploy, read by every daemon.\n");
        text += &format!(
            "\n[network]\nname = {}\nhub_chain = {}\nhub_registry = \"{}\"\n",
            quoted(&self.name),
            self.hub_chain.get(),
            self.hub_registry
        );
        self.chains.iter().for_each(|chain| text += &chain.to_toml());
        self.epochs.iter().for_each(|epoch| text += &epoch.to_toml());
        text
    }
}

impl ChainEntry {
    fn to_toml(&self) -> String {
        let finality = match self.finality {
            Finality::Blocks(depth) => format!("{{ blocks = {depth} }}"),
            tag => format!("\"{tag}\""),
        };
        format!(
            "\n[[chains]]\nname = {}\nid = {}\npartition = {}\ngateway = \"{}\"\nattester_set = \"{}\"\nhub_agent = \"{}\"\n\
             era = \"{}\"\ndeployment_block = {}\nfinality = {finality}\nreading = \"{}\"\n",
            quoted(&self.name),
            self.id.get(),
            self.partition,
            self.gateway,
            self.attester_set,
            self.hub_agent,
            self.era,
            self.deployment_block,
            self.reading
        )
    }
}

impl EpochEntry {
    fn to_toml(&self) -> String {
        let mut text = format!(
            "\n[[epochs]]\nnumber = {}\ntable_hash = \"{}\"\nactivates_at = {}\nexpires_at = {}\n",
            self.table.epoch(),
            self.table.hash(),
            self.activates_at,
            self.expires_at
        );
        for MemberEntry { operator, transport_key, member } in &self.members {
            text += &format!(
                "\n[[epochs.members]]\noperator = \"{operator}\"\nbls_key = \"{}\"\ntransport_key = \"{transport_key}\"\n\
                 stake = \"{}\"\n",
                member.key, member.stake
            );
        }
        text
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
