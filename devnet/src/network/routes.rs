//! What a demo needs beyond a deployment: routes between all chains, and recipients.

use alloy::{
    primitives::{Address, TxKind},
    sol_types::SolCall,
};
use metalayer_proto::{events::abi, message::Kind};
use relayer::deploy::{Account, Artifact, Deployment};

use super::NetworkError;

/// The longest payload of the demo, in bytes.
pub(crate) const PAYLOAD_MAX: u16 = 4_096;

/// The most $ERA that one message carries, in the smallest unit.
const VALUE_MAX: u128 = 10_000_000 * 10_u128.pow(18);

/// Whom a chain's messages are sent to.
#[derive(Debug, Clone, Copy)]
pub struct Recipients {
    /// Takes every message.
    pub willing: Address,
    /// Takes none.
    pub reverting: Address,
}

/// Opens a route from every chain to every other that charges nothing, and creates the recipients of each.
pub(super) async fn open(
    deployments: &[Deployment],
    accounts: &mut [Account],
) -> Result<Vec<Recipients>, NetworkError> {
    let mut sent = Vec::new();
    let mut recipients = Vec::new();
    for (here, account) in deployments.iter().zip(accounts.iter_mut()) {
        let [willing, reverting] = [account.creates(0), account.creates(1)];
        recipients.push(Recipients { willing, reverting });
        let mut inclusions = Vec::new();
        for artifact in [Artifact::RECIPIENT, Artifact::REVERTING_RECIPIENT] {
            inclusions.push(account.send("creating a recipient", TxKind::Create, artifact.creation(&[])?).await?);
        }
        for there in deployments.iter().filter(|there| there.chain != here.chain) {
            let call = set_route(there);
            inclusions.push(account.send("opening a route", TxKind::Call(here.addresses.gateway), call.into()).await?);
        }
        sent.push(inclusions);
    }
    for (inclusions, account) in sent.iter().zip(accounts.iter()) {
        for inclusion in inclusions {
            account.included(inclusion).await?;
        }
    }
    Ok(recipients)
}

/// A route for messages of the demo's size and for $ERA, without a fee.
fn set_route(there: &Deployment) -> Vec<u8> {
    let route = abi::Route {
        gateway: there.addresses.gateway,
        kinds: 1 << Kind::Generic.byte() | 1 << Kind::ValueFlow.byte(),
        bytesMax: PAYLOAD_MAX,
        gasMax: 1_000_000,
        valueMax: VALUE_MAX,
        feeBase: Default::default(),
        feePerByte: Default::default(),
        feePerGas: Default::default(),
    };
    abi::setRouteCall { destinationChainId: there.chain.get(), route }.abi_encode()
}
