//! $ERA, as the demo moves and counts it.

use alloy::{
    primitives::{Address, Bytes, U256, uint},
    sol_types::SolCall,
};
use metalayer_proto::ids::ChainId;
use relayer::deploy::{Account, TransactionError};

/// One $ERA, in its smallest unit.
pub const ERA: U256 = uint!(1_000_000_000_000_000_000_U256);
/// All $ERA that there is, on all chains together: minted once, on the hub.
pub const SUPPLY: U256 = uint!(1_000_000_000_000_000_000_000_000_000_U256);

mod abi {
    #![allow(missing_docs, reason = "declared in Solidity, and documented there")]

    alloy::sol! {
        interface Token {
            function balanceOf(address account) returns (uint256);
            function totalSupply() returns (uint256);
            function transfer(address to, uint256 amount) returns (bool);
            function approve(address spender, uint256 amount) returns (bool);
        }

        interface Bridge {
            function transfer(uint64 destinationChainId, address to, uint256 amount);
        }

        interface FaultyModule {
            function sendAboveMax(uint64 destinationChainId, address to, uint256 amount);
            function sendUndecodable(uint64 destinationChainId, uint256 amount);
        }
    }
}

/// The call of a bridge that sends `amount` to an account on another chain.
pub fn transfer_to(destination: ChainId, to: Address, amount: U256) -> Bytes {
    abi::Bridge::transferCall { destinationChainId: destination.get(), to, amount }.abi_encode().into()
}

/// The call of a faulty bridge that burns, and sends `amount` whatever the route's highest value is.
pub fn above_max(destination: ChainId, to: Address, amount: U256) -> Bytes {
    abi::FaultyModule::sendAboveMaxCall { destinationChainId: destination.get(), to, amount }.abi_encode().into()
}

/// The call of a faulty bridge that burns `amount`, and sends what says no transfer.
pub fn undecodable(destination: ChainId, amount: U256) -> Bytes {
    abi::FaultyModule::sendUndecodableCall { destinationChainId: destination.get(), amount }.abi_encode().into()
}

/// The call of the token that lets `spender` take fees.
pub fn approve(spender: Address) -> Bytes {
    abi::Token::approveCall { spender, amount: U256::MAX }.abi_encode().into()
}

/// The call of the token that gives `amount` to an account on its own chain.
pub fn give(to: Address, amount: U256) -> Bytes {
    abi::Token::transferCall { to, amount }.abi_encode().into()
}

/// What an account has.
pub async fn balance(account: &Account, token: Address, of: Address) -> Result<U256, TransactionError> {
    let call = abi::Token::balanceOfCall { account: of }.abi_encode();
    let answer = account.call("reading a balance of $ERA", token, call.into()).await?;
    Ok(abi::Token::balanceOfCall::abi_decode_returns(&answer).unwrap_or_default())
}

/// How much there is on the token's chain.
pub async fn supply(account: &Account, token: Address) -> Result<U256, TransactionError> {
    let answer = account.call("reading the supply of $ERA", token, abi::Token::totalSupplyCall {}.abi_encode().into());
    Ok(abi::Token::totalSupplyCall::abi_decode_returns(&answer.await?).unwrap_or_default())
}
