//! Messages are judged by the newest rules that the daemons know, not by those in force when they were sent.

use metalayer_proto::planted::Bug;

use super::{super::is_found, Planted};
use crate::world::plan::Plan;

#[test]
fn a_verdict_by_the_newest_version_is_found() {
    is_found("verdict by newest version", &[6], Plan::calm, || Planted::with(Bug::VerdictByNewestVersion));
}
