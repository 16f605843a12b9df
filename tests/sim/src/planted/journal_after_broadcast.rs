//! The executor broadcasts a transaction that is not in its journal yet.

use std::sync::Arc;

use metalayer_node::bus::Bus;
use metalayer_proto::topics::Topic;

use super::{is_found, late::Late};
use crate::world::{fittings::Fittings, plan::Plan};

struct Eager;

impl Fittings for Eager {
    fn bus(&self, bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
        Arc::new(Late { bus, topics: &[Topic::Transactions] })
    }
}

#[test]
fn a_broadcast_before_the_journal_is_found() {
    is_found("journal after broadcast", &[0], Plan::calm, || Arc::new(Eager));
}
