//! What befalls the network while messages are sent: two of its daemons are killed, then the set of attesters is handed over.

use std::{ops::Range, time::Instant};

use super::{DemoError, hand_over, incident, stage::Stage};
use crate::{network::Network, traffic::Planned};

/// Plays it while `meanwhile` is sent, and says when the relayer was down.
pub(super) async fn play(stage: &mut Stage<'_>, meanwhile: &[Planned]) -> Result<Range<Instant>, DemoError> {
    let Stage { network, senders, processes, console, intents, patience, .. } = stage;
    let Network { chains, daemons, collector, treasurers, succession } = network;
    let (chains, console) = (&*chains, *console);
    let sending = async { Ok(senders.steady(chains, meanwhile, console).await?) };
    let befalling = async {
        let down = incident::play(daemons, processes, console).await?;
        hand_over::play(succession, chains, treasurers, *collector, *patience, console).await?;
        Ok::<_, DemoError>(down)
    };
    let (sent, down) = tokio::try_join!(sending, befalling)?;
    intents.extend(sent);
    Ok(down)
}
