//! What a relayer earned by delivering is paid to it by the origins' gateways, by proof alone.

use std::process::Command;

use alloy::primitives::U256;
use serde::Deserialize;

use crate::network::{World, eventually};

/// What `relayer fees claim --json` prints of one origin and destination.
#[derive(Deserialize)]
struct Claim {
    earned: U256,
    paid: U256,
}

/// Claims whatever is proven by now.
fn claims(world: &World) -> Vec<Claim> {
    let relayer = world.relayer();
    let mut command = Command::new(&relayer.program);
    command.args(["fees", "claim", "--json", "--config"]).arg(&relayer.config);
    let output = command.output().expect("the relayer's command runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[tokio::test]
async fn what_was_earned_is_paid_once_it_is_proven() {
    let mut world = World::start().await;
    // The second ones prove that the first ones were delivered.
    for _ in 0..2 {
        let sent = world.send_everywhere().await;
        world.all_delivered(&sent).await;
    }
    eventually("each lane's first five at least are paid", async || {
        let claims = claims(&world);
        assert!(claims.iter().all(|claim| claim.paid <= claim.earned), "never more than was earned");
        let paid = claims.iter().filter(|claim| !claim.earned.is_zero() && claim.paid == claim.earned).count();
        if paid == 6 { Ok(()) } else { Err(format!("{paid} of 6 lanes are")) }
    })
    .await;
    world.processes.stop().await;
}
