//! What daemons keep, failing under them.

use crate::{
    faults::{
        disk::{Disk, FULL, READ_ONLY},
        signed::nobody_signed_a_lie,
    },
    network::World,
};

#[tokio::test]
async fn disks_that_fail_and_guards_that_are_lost_cost_time_and_nothing_else() {
    let mut world = World::start().await;
    let mut relayer = world.relayer().clone();
    let mut attester = world.attesters().next().expect("an attester").clone();
    for (daemon, faults) in [(&mut relayer, [FULL, READ_ONLY]), (&mut attester, [FULL, READ_ONLY])] {
        world.processes.kill(&daemon.name).await.expect("it is killed");
        let disk = Disk::under(daemon);
        daemon.start(&mut world.processes).expect("it starts again");
        for fault in faults {
            world.disk_fails(daemon, &disk, fault).await;
        }
    }
    let attester = world.attesters().last().expect("an attester").clone();
    world.guard_is_opened_twice(&attester).await;
    world.guard_is_an_old_copy(&attester).await;
    world.guard_is_gone(&attester).await;
    world.all_is_well(&Default::default()).await;
    assert!(nobody_signed_a_lie(&mut world).await > 0);
    world.processes.stop().await;
}
