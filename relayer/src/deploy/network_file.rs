//! A deployed network as its file tells it.

use metalayer_node::config::{ChainEntry, EpochEntry, MemberEntry, NetworkFile};
use metalayer_proto::quorum::Member;

use super::{ChainPlan, Deployed, Deployment, Plan};

impl Deployed {
    /// The network's file. Of `members` those stand in it that the plan's table has, in its order.
    pub fn network_file(&self, plan: &Plan, members: &[MemberEntry]) -> NetworkFile {
        let entry = |member: &Member| members.iter().find(|one| one.member == *member).cloned();
        let epoch = EpochEntry {
            table: plan.table.clone(),
            activates_at: plan.activates_at,
            expires_at: plan.expires_at,
            members: plan.table.members().iter().filter_map(entry).collect(),
        };
        let chains = self.chains.iter().filter_map(|chain| Some(chain_entry(plan.chain(chain.chain)?, chain)));
        NetworkFile {
            name: plan.name.clone(),
            hub_chain: plan.hub_chain,
            hub_registry: self.hub_registry,
            chains: chains.collect(),
            epochs: vec![epoch],
        }
    }
}

fn chain_entry(plan: &ChainPlan, chain: &Deployment) -> ChainEntry {
    let at = chain.addresses;
    ChainEntry {
        name: plan.name.clone(),
        id: plan.id,
        partition: plan.partition,
        gateway: at.gateway,
        attester_set: at.attester_set,
        hub_agent: at.hub_agent,
        era: at.era,
        deployment_block: chain.deployment_block,
        finality: plan.finality,
        reading: plan.reading,
    }
}
