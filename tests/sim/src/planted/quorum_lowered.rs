//! When one endpoint is in trouble the others need not agree any more.

use std::{sync::Arc, time::Duration};

use super::is_found;
use crate::world::{
    fittings::Fittings,
    plan::{Plan, Troubles},
};

struct Credulous;

impl Fittings for Credulous {
    fn agree(&self, _: usize) -> usize {
        1
    }
}

/// Three nodes, of which one misbehaves.
fn plan(seed: u64) -> Plan {
    let troubles = Troubles { manners: 500, ..Troubles::default() };
    Plan { nodes: 3, agree: 2, messages: 8, lasts: Duration::from_secs(40), troubles, ..Plan::calm(seed) }
}

#[test]
fn a_quorum_that_is_lowered_is_found() {
    is_found("failover that lowers k", &[1, 5, 6], plan, || Arc::new(Credulous));
}
