//! What an attester's one stage for an origin is made of, each part by itself over the blocks that were made.

use std::{sync::Arc, time::Duration};

use attester::guard::Guard;
use metalayer_node::{
    chain::{ChainReader, READ_BLOCKS_MAX},
    signer::AttesterSigner,
    store::{Store, memory::MemoryStore},
    task::metered,
    telemetry::Metrics,
};
use metalayer_proto::derivation::{Arrivals, Derivation};

use super::world::{World, open};
use crate::error::BenchError;

/// Seconds of CPU that each part takes for all messages of the hub.
pub(super) async fn measure(world: &World) -> Result<[(&'static str, f64); 4], BenchError> {
    let hub = open(&world.founded, &Metrics::unregistered())?.swap_remove(0);
    let mut derivation = Derivation::new(hub.deployment);
    let signer = world.founded.attesters[0].signer();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(&attester::stages::tables()));
    let guard = Guard::init(store, signer.public_key().attester_id());
    let guard = guard.map_err(|_| BenchError::Wrong("the guard does not begin"))?;
    guard.listened();

    let [mut read, mut derive, mut admit, mut sign] = [Duration::ZERO; 4];
    let tip = hub.reader.finalized().await?;
    while derivation.next_block() <= tip.number {
        let from = derivation.next_block();
        let to = hub.reader.block_at(tip.number.min(from + READ_BLOCKS_MAX - 1)).await?;
        let (blocks, spent) = metered(Box::pin(hub.reader.read(from, to))).await;
        read += spent;
        for block in blocks? {
            let has_logs = !block.logs.is_empty();
            let (outcome, spent) = metered(Box::pin(async { derivation.apply(&block, &Arrivals::default()) })).await;
            outcome.map_err(|_| BenchError::Wrong("the hub's own history does not derive"))?;
            derive += spent;
            let Some(commitment) = derivation.commitment().filter(|_| has_logs) else { continue };
            let lanes = derivation.lanes();
            let (safe, spent) = metered(Box::pin(guard.admit(&commitment, Some(&lanes)))).await;
            admit += spent;
            let safe = safe.map_err(|_| BenchError::Wrong("the guard refuses what an honest attester signs"))?;
            let (_, spent) = metered(Box::pin(async { signer.sign(safe.digest()) })).await;
            sign += spent;
        }
    }
    let named =
        [("read and verify blocks", read), ("judge, and keep the facts", derive), ("guard", admit), ("sign", sign)];
    Ok(named.map(|(part, spent)| (part, spent.as_secs_f64())))
}
