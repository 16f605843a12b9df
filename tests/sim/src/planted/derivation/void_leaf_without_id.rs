//! All void messages have the same leaf, so that the leaf of one shows any other to be void.

use metalayer_proto::planted::Bug;

use super::{super::is_found, Planted};
use crate::world::plan::Plan;

fn plan(seed: u64) -> Plan {
    Plan { messages: 20, ..Plan::calm(seed) }
}

#[test]
fn a_void_leaf_without_the_id_is_found() {
    is_found("void leaf without the id", &[6], plan, || Planted::with(Bug::VoidLeafWithoutId));
}
