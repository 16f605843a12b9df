//! Who sends messages: one account on every chain, which broadcasts again what a reorg lost.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, Bytes, TxHash, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::SolCall,
};
use devnet::{
    audit::Intent,
    era::{self, ERA},
};
use metalayer_proto::{
    events::abi::{gasLimitCall, orderedCall, sendMessageCall},
    interop,
};
use serde_json::json;

use super::dice::Dice;
use crate::{
    chain::SimChain,
    founding::{Founded, VALUE_MAX_ERA},
};

/// The gas a recipient is called with.
const RECIPIENT_GAS: u64 = 100_000;
/// What any of these transactions may use.
const GAS: u64 = 900_000;
/// Far above what a block asks for.
const MAX_FEE_PER_GAS: u128 = 1_000_000_000_000;
/// In wei, for the block's maker.
const TIP: u128 = 1_000_000_000;
/// What the hub sends first, so that who is elsewhere can pay for messages.
const FIRST_ERA: u64 = 10_000;
const LITTLE_ERA: u64 = 10;
/// What a rollup makes up: as much as a message may carry, and more than ever arrives there in such a run.
pub(super) const COUNTERFEIT_ERA: u64 = VALUE_MAX_ERA;
/// More than a route lets pass.
const ABOVE_MAX_ERA: u64 = VALUE_MAX_ERA + 1;

/// The holder's account on one chain.
pub(super) struct User {
    chain: SimChain,
    key: PrivateKeySigner,
    nonce: u64,
    /// What was sent, by nonce from the first on.
    first: u64,
    raw: Vec<Bytes>,
}

impl User {
    pub(super) fn new(chain: SimChain, key: PrivateKeySigner) -> Self {
        let nonce = nonce(&chain, key.address());
        Self { chain, key, nonce, first: nonce, raw: Vec::new() }
    }

    /// Broadcasts a call; the next block has it.
    pub(super) fn call(&mut self, to: Address, input: Bytes) -> Option<TxHash> {
        let transaction = TxEip1559 {
            chain_id: self.chain.chain().get(),
            nonce: self.nonce,
            gas_limit: GAS,
            max_fee_per_gas: MAX_FEE_PER_GAS,
            max_priority_fee_per_gas: TIP,
            to: TxKind::Call(to),
            input,
            ..TxEip1559::default()
        };
        let signature = self.key.sign_hash_sync(&transaction.signature_hash()).ok()?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        self.nonce += 1;
        self.raw.push(envelope.encoded_2718().into());
        self.broadcast();
        Some(*envelope.tx_hash())
    }

    /// Broadcasts all that no block has.
    pub(super) fn broadcast(&self) {
        let included = nonce(&self.chain, self.key.address()).saturating_sub(self.first);
        for raw in self.raw.iter().skip(usize::try_from(included).unwrap_or(usize::MAX)) {
            let request = json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_sendRawTransaction", "params": [raw] });
            // One that waits already is refused, which is what is wanted.
            let _ = self.chain.answer(&request);
        }
    }
}

fn nonce(chain: &SimChain, account: Address) -> u64 {
    let params = json!([account, "latest"]);
    let request = json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_getTransactionCount", "params": params });
    let answer = chain.answer(&request);
    serde_json::from_value::<U256>(answer["result"].clone()).map_or(0, |nonce| nonce.saturating_to())
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cargo {
    /// Bytes, after the sender's last ordered message or as it comes.
    Bytes(bool),
    /// $ERA.
    Era(u64),
    /// More $ERA than the route lets pass, by a bridge that does not care: void.
    AboveMax,
    /// More $ERA than the origin ever rightfully had: void.
    Counterfeit,
}

impl Cargo {
    /// Draws what is sent from the chain at `place`; only the second has a bridge that does not care.
    pub(super) fn drawn(dice: &Dice, place: usize) -> Self {
        match dice.below(10) {
            0..4 => Self::Bytes(dice.permille(300)),
            9 if place == 1 => Self::AboveMax,
            _ => Self::Era(dice.between(1, 50)),
        }
    }

    /// What its sending is for.
    pub(super) const fn intent(self) -> Intent {
        match self {
            Self::AboveMax | Self::Counterfeit => Intent::BeVoid,
            Self::Bytes(_) | Self::Era(_) => Intent::Arrive,
        }
    }
}

/// The users, one on every chain, with leave for gateway and bridge to take what sending costs.
pub(super) fn users(founded: &Founded) -> Vec<User> {
    let open = |chain: &crate::founding::FoundedChain| {
        let mut user = User::new(chain.chain.clone(), founded.holder.clone());
        let at = chain.deployment.addresses;
        for spender in [at.gateway, at.era_bridge] {
            user.call(at.era, era::approve(spender));
        }
        user
    };
    founded.chains.iter().map(open).collect()
}

/// What gives those elsewhere $ERA, and then what `cargo` says, from the chain at `from` to the other.
pub(super) fn call_of(founded: &Founded, from: usize, cargo: Cargo) -> (Address, Bytes) {
    let (here, there) = (&founded.chains[from], &founded.chains[1 - from]);
    let (at, chain) = (here.deployment.addresses, there.chain.chain());
    let holder = founded.holder.address();
    match cargo {
        Cargo::Bytes(ordered) => {
            let mut attributes: Vec<Bytes> =
                vec![gasLimitCall { gasLimit: U256::from(RECIPIENT_GAS) }.abi_encode().into()];
            if ordered {
                attributes.push(orderedCall {}.abi_encode().into());
            }
            let recipient = interop::format(chain, there.willing);
            let call = sendMessageCall { recipient, payload: b"a load of freight".as_slice().into(), attributes };
            (at.gateway, call.abi_encode().into())
        }
        Cargo::Era(amount) => (at.era_bridge, era::transfer_to(chain, holder, U256::from(amount) * ERA)),
        Cargo::Counterfeit => (at.era_bridge, era::transfer_to(chain, holder, U256::from(COUNTERFEIT_ERA) * ERA)),
        Cargo::AboveMax => (at.era_bridge, era::above_max(chain, holder, U256::from(ABOVE_MAX_ERA) * ERA)),
    }
}

/// What the hub sends first: enough for fees, and in a run with made-up $ERA so little that nobody can mistake it.
pub(super) const fn first(is_counterfeit: bool) -> Cargo {
    Cargo::Era(if is_counterfeit { LITTLE_ERA } else { FIRST_ERA })
}
