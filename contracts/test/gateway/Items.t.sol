// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IGatewayHarness} from "../support/IGatewayHarness.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";

/// @title Items against the canonical bytes that they stand for
contract ItemsTest {
    IGatewayHarness private harness;

    function setUp() public {
        harness = IGatewayHarness(vm.deployCode("GatewayHarness.sol:GatewayHarness", ""));
    }

    function testFuzz_leafIsTheMessageId(Sent memory sent) public view {
        _bound(sent);
        (bytes32[] memory leaves, uint256 carried) = _read(Wire.item(sent), sent);
        vm.assertEq(leaves.length, 1, "one");
        vm.assertEq(leaves[0], Wire.id(sent), "id");
        vm.assertEq(carried, 1, "carried");
    }

    function testFuzz_mixedRange(Sent memory first, bytes32 bare, bytes32 voided, bytes memory payload) public view {
        vm.assume(bare != 0);
        _bound(first);
        Sent memory last = abi.decode(abi.encode(first), (Sent));
        (last.sequence, last.payload, last.after_) = (first.sequence + 3, payload, 0);
        bytes memory items =
            abi.encodePacked(Wire.item(first), Wire.bareItem(bare), Wire.voidItem(voided), Wire.item(last));
        (bytes32[] memory leaves, uint256 carried) = _read(items, first);
        vm.assertEq(leaves.length, 4, "four");
        vm.assertEq(leaves[0], Wire.id(first), "first");
        vm.assertEq(leaves[1], bare, "bare");
        vm.assertEq(leaves[2], Wire.voidLeaf(voided), "void");
        vm.assertEq(leaves[3], Wire.id(last), "last");
        vm.assertEq(carried, 13, "carried");
    }

    /// @dev Every byte string either is refused or stands for one message: what is cut off anywhere is refused.
    function testFuzz_cutIsRefused(Sent memory sent, uint256 length) public {
        _bound(sent);
        bytes memory item = Wire.item(sent);
        length = 1 + length % (item.length - 1);
        assembly {
            mstore(item, length)
        }
        _refuse(item, sent);
    }

    function testFuzz_unknownFlagsAreRefused(Sent memory sent, uint8 flags) public {
        _bound(sent);
        bytes memory item = Wire.item(sent);
        vm.assume(flags > 1 && (flags < 0x80 || flags > 0x87));
        item[0] = bytes1(flags);
        _refuse(item, sent);
    }

    function test_notCanonicalIsRefused() public {
        Sent memory sent;
        sent.sender = address(1);
        bytes memory fixedFields = abi.encodePacked(uint8(0), uint16(0), uint32(0), address(1), address(2));
        _refuse(abi.encodePacked(uint8(0x81), fixedFields, address(1)), sent);
        _refuse(abi.encodePacked(uint8(0x82), fixedFields, uint128(0)), sent);
        _refuse(abi.encodePacked(uint8(0x84), fixedFields, uint64(0)), sent);
        // `after` is at most the sequence, which is 0 here.
        _refuse(abi.encodePacked(uint8(0x84), fixedFields, uint64(1)), sent);
        // A kind that does not decode.
        _refuse(abi.encodePacked(uint8(0x80), uint8(5), uint16(0), uint32(0), address(1), address(2)), sent);
        // No leaf is zero.
        _refuse(Wire.bareItem(0), sent);
    }

    function test_payloadAboveTheLimitIsRefused() public {
        Sent memory sent;
        sent.payload = new bytes(32_768);
        (bytes32[] memory leaves,) = _read(Wire.item(sent), sent);
        vm.assertEq(leaves[0], Wire.id(sent), "longest");
        sent.payload = new bytes(32_769);
        _refuse(Wire.item(sent), sent);
    }

    function test_moreThan256AreRefused() public {
        Sent memory sent;
        bytes memory items;
        for (uint256 i = 0; i < 256; ++i) {
            items = abi.encodePacked(items, Wire.voidItem(bytes32(i)));
        }
        (bytes32[] memory leaves, uint256 carried) = _read(items, sent);
        vm.assertEq(leaves.length, 256, "256");
        vm.assertEq(carried, type(uint256).max, "all");
        vm.expectRevert(IGateway.TooManyItems.selector);
        _read(abi.encodePacked(items, Wire.voidItem(0)), sent);
    }

    function _bound(Sent memory sent) private pure {
        sent.kind %= 5;
        sent.sequence %= type(uint64).max - 10;
        if (sent.after_ > sent.sequence) sent.after_ %= sent.sequence + 1;
    }

    function _read(bytes memory items, Sent memory first) private view returns (bytes32[] memory, uint256) {
        return harness.read(
            items,
            first.originChainId,
            first.originGateway,
            first.destinationChainId,
            first.destinationGateway,
            first.sequence
        );
    }

    function _refuse(bytes memory item, Sent memory sent) private {
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemMalformed.selector, 0));
        _read(item, sent);
    }
}
