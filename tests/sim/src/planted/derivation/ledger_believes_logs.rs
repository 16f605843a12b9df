//! What a rollup says was burnt is taken for what it had.

use metalayer_proto::planted::Bug;

use super::{super::is_found, Planted};
use crate::world::plan::Plan;

/// The second chain makes up $ERA and sends it.
fn plan(seed: u64) -> Plan {
    Plan { counterfeit: true, ..Plan::calm(seed) }
}

#[test]
fn a_ledger_that_believes_logs_is_found() {
    is_found("ledger that believes logs", &[6], plan, || Planted::with(Bug::LedgerBelievesLogs));
}
