//! One attester and the relayer are killed in the middle of the traffic, and started again.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::DemoError;
use crate::{
    console::Console,
    network::{self, Daemon},
    processes::Processes,
};

/// How long they are gone.
const GONE: Duration = Duration::from_secs(3);

/// Plays it, and says when the relayer was down.
pub(super) async fn play(
    daemons: &[Daemon],
    processes: &mut Processes,
    console: &Console,
) -> Result<Range<Instant>, DemoError> {
    let relayer = daemons.iter().find(|daemon| !daemon.is_attester);
    let attester = daemons.iter().find(|daemon| daemon.is_attester);
    let victims: Vec<&Daemon> = attester.into_iter().chain(relayer).collect();
    let names: Vec<&str> = victims.iter().map(|daemon| daemon.name.as_str()).collect();
    console.say(&format!("killing {} while messages are sent", names.join(" and ")));
    let down = Instant::now();
    for name in &names {
        processes.kill(name).await?;
    }
    tokio::time::sleep(GONE).await;
    network::restart(&victims, processes, console).await?;
    let up = Instant::now();
    console.say(&format!("{} are ready again after {} s", names.join(" and "), (up - down).as_secs()));
    Ok(down..up)
}
