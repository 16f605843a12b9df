// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Golden} from "../support/Golden.sol";
import {IGatewayHarness} from "../support/IGatewayHarness.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";

/// @title message.json: canonical bytes, ids and items
contract GoldenMessagesTest {
    IGatewayHarness private harness;
    string private json;

    function setUp() public {
        harness = IGatewayHarness(vm.deployCode("GatewayHarness.sol:GatewayHarness", ""));
        json = Golden.file("message.json");
    }

    function test_canonicalBytes() public view {
        uint256 count = Golden.length(json, ".messages");
        vm.assertEq(count, 8, "messages");
        for (uint256 i = 0; i < count; ++i) {
            string memory at = Golden.at(".messages", i);
            Sent memory sent = _sent(at);
            bytes memory canonical = Golden.data(json, at, "canonical");
            vm.assertEq(harness.encode(sent), canonical, "encoded");
            vm.assertEq(abi.encode(harness.decode(canonical)), abi.encode(sent), "decoded");
            vm.assertEq(keccak256(canonical), Golden.word(json, at, "id"), "id");
        }
    }

    function test_voidLeaves() public view {
        for (uint256 i = 0; i < 8; ++i) {
            string memory at = Golden.at(".messages", i);
            vm.assertEq(
                harness.voidLeaf(Golden.word(json, at, "id")), Golden.word(json, at, "voidLeaf"), "leaf of a void"
            );
        }
    }

    /// @dev Items are read by contracts and written by no one of them: what writes them here is the tests' own `Wire`.
    function test_items() public view {
        for (uint256 i = 0; i < 8; ++i) {
            string memory at = Golden.at(".messages", i);
            Sent memory sent = _sent(at);
            bytes memory item = Golden.data(json, at, "item");
            (bytes32[] memory leaves, uint256 carried) = _read(item, sent);
            vm.assertEq(abi.encode(leaves), abi.encode(_list(Golden.word(json, at, "id"))), "leaf");
            vm.assertEq(carried, 1, "carried");
            vm.assertEq(Wire.item(sent), item, "rebuilt");
            _assertRuns(item, sent);
        }
    }

    /// @dev Nothing but this item stands for this message: another byte anywhere is refused or makes another leaf.
    function test_alteredItemsAreOthers() public view {
        for (uint256 i = 0; i < 8; ++i) {
            string memory at = Golden.at(".messages", i);
            Sent memory sent = _sent(at);
            bytes memory item = Golden.data(json, at, "item");
            bytes32 same = keccak256(abi.encode(_list(Golden.word(json, at, "id")), uint256(1)));
            for (uint256 k = 0; k < item.length; ++k) {
                (bool read, bytes memory answer) = _tryRead(Golden.flipped(item, k), sent);
                vm.assertFalse(read && keccak256(answer) == same, "an altered item has the same leaf");
            }
        }
    }

    /// @dev Messages, one void and one bare leaf, in one string.
    function test_delivery() public view {
        Sent memory first = _sent(".messages[0]");
        vm.assertEq(first.sequence, Golden.number(json, ".delivery", "first"), "first");
        (bytes32[] memory leaves, uint256 carried) = _read(Golden.data(json, ".delivery", "items"), first);
        vm.assertEq(abi.encode(leaves), abi.encode(Golden.words(json, ".delivery", "leaves")), "leaves");
        vm.assertEq(carried, 0xdf, "all but the bare leaf");
    }

    /// @dev What the recipient's call is made of.
    function _assertRuns(bytes memory item, Sent memory sent) private view {
        (Sent memory run, uint256 next) = harness.messageAt(item, 0);
        vm.assertEq(next, item.length, "next");
        vm.assertEq(run.kind, sent.kind, "kind");
        vm.assertEq(run.gasLimit, sent.gasLimit, "gas limit");
        vm.assertEq(run.sender, sent.sender, "sender");
        vm.assertEq(run.recipient, sent.recipient, "recipient");
        vm.assertEq(run.after_, sent.after_, "after");
        vm.assertEq(run.payload, sent.payload, "payload");
    }

    function _read(bytes memory items, Sent memory first) private view returns (bytes32[] memory, uint256) {
        (bool read, bytes memory answer) = _tryRead(items, first);
        vm.assertTrue(read, "refused");
        return abi.decode(answer, (bytes32[], uint256));
    }

    function _tryRead(bytes memory items, Sent memory first) private view returns (bool, bytes memory) {
        (uint64 origin, uint64 destination) = (first.originChainId, first.destinationChainId);
        return address(harness)
            .staticcall(
                abi.encodeCall(
                    harness.read,
                    (items, origin, first.originGateway, destination, first.destinationGateway, first.sequence)
                )
            );
    }

    function _sent(string memory at) private view returns (Sent memory sent) {
        sent.originChainId = uint64(Golden.number(json, at, "originChainId"));
        sent.originGateway = Golden.account(json, at, "originGateway");
        sent.destinationChainId = uint64(Golden.number(json, at, "destinationChainId"));
        sent.destinationGateway = Golden.account(json, at, "destinationGateway");
        sent.sequence = uint64(Golden.number(json, at, "sequence"));
        sent.kind = uint8(Golden.number(json, at, "kind"));
        sent.gasLimit = uint32(Golden.number(json, at, "gasLimit"));
        sent.sender = Golden.account(json, at, "sender");
        sent.recipient = Golden.account(json, at, "recipient");
        sent.payer = Golden.account(json, at, "payer");
        sent.fee = uint128(Golden.number(json, at, "fee"));
        sent.after_ = uint64(Golden.number(json, at, "after"));
        sent.payload = Golden.data(json, at, "payload");
    }

    function _list(bytes32 one) private pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = one;
    }
}
