//! The watcher saves its cursor although the bus has not acknowledged what stands below it.

use std::sync::Arc;

use metalayer_node::bus::Bus;
use metalayer_proto::topics::Topic;

use super::{is_found, late::Late};
use crate::world::{fittings::Fittings, plan::Plan};

struct Eager;

impl Fittings for Eager {
    fn bus(&self, bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
        Arc::new(Late { bus, topics: &[Topic::Messages, Topic::Deliveries] })
    }
}

#[test]
fn a_cursor_that_is_saved_before_the_acknowledgement_is_found() {
    is_found("cursor before acknowledgement", &[1], Plan::calm, || Arc::new(Eager));
}
