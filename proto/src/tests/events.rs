//! The contracts' declarations, as far as others rely on their selectors.

use alloy::sol_types::{SolCall, SolEvent};

use crate::events::abi;

#[test]
fn selectors_are_erc_7786s() {
    assert_eq!(abi::receiveMessageCall::SELECTOR, [0x24, 0x32, 0xef, 0x26]);
    assert_eq!(abi::MessageSent::SIGNATURE, "MessageSent(bytes32,bytes,bytes,bytes,uint256,bytes[])");
    assert_eq!(abi::sendMessageCall::SIGNATURE, "sendMessage(bytes,bytes,bytes[])");
}

#[test]
fn signatures_are_those_of_the_protocol() {
    assert_eq!(abi::sentCall::SIGNATURE, "sent(bytes32,uint64,address,uint8,uint32,address,uint128,uint64)");
    assert_eq!(
        abi::RouteSet::SIGNATURE,
        "RouteSet(uint64,(address,uint16,uint16,uint32,uint128,uint96,uint80,uint80))"
    );
    assert_eq!(abi::ModuleSet::SIGNATURE, "ModuleSet(uint64,address,uint32,uint8,uint64)");
    assert_eq!(abi::RulesVersionSet::SIGNATURE, "RulesVersionSet(uint32)");
    assert_eq!(abi::Overruled::SIGNATURE, "Overruled(uint64,address,uint64)");
    assert_eq!(abi::RootAccepted::SIGNATURE, "RootAccepted(uint64,address,uint64,bytes32)");
    assert_eq!(abi::RangeDelivered::SIGNATURE, "RangeDelivered(uint64,address,uint64,uint256,address)");
    assert_eq!(
        abi::acceptCall::SIGNATURE,
        "accept((uint32,bytes32,uint64,address,uint64,bytes32,bytes32,bytes32),bytes,uint64,bytes32,bytes32[])"
    );
    assert_eq!(abi::deliverCall::SIGNATURE, "deliver(uint64,address,uint64,uint64,bytes,bytes)");
    assert_eq!(
        abi::acceptAndDeliverCall::SIGNATURE,
        "acceptAndDeliver((uint32,bytes32,uint64,address,uint64,bytes32,bytes32,bytes32),bytes,bytes32[],uint64,uint64,bytes,bytes)"
    );
}
