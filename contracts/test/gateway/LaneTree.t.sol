// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IGatewayHarness} from "../support/IGatewayHarness.sol";
import {vm} from "../support/Vm.sol";
import {Wire} from "../support/Wire.sol";

/// @title The lane tree against its definition
contract LaneTreeTest {
    IGatewayHarness private harness;

    function setUp() public {
        harness = IGatewayHarness(vm.deployCode("GatewayHarness.sol:GatewayHarness", ""));
    }

    function test_rootIsByDefinition_atEveryCount() public {
        vm.assertEq(harness.root(), Wire.zero(32), "empty");
        for (uint256 count = 1; count <= 40; ++count) {
            bytes32[] memory leaves = _leaves(count);
            vm.assertEq(harness.append(leaves[count - 1]), count - 1, "sequence");
            vm.assertEq(harness.root(), Wire.laneRoot(leaves), "root");
        }
    }

    function testFuzz_rangeRootIsByDefinition(uint256 count, uint256 first, uint256 length) public view {
        (bytes32[] memory leaves, bytes32[] memory range, uint256 from, bytes memory proof) =
            _case(count, first, length);
        vm.assertEq(harness.rangeRoot(range, from, leaves.length, proof), Wire.laneRoot(leaves), "root");
    }

    function testFuzz_everyPartOfAProofCounts(uint256 count, uint256 first, uint256 length, uint256 which) public view {
        (bytes32[] memory leaves, bytes32[] memory range, uint256 from, bytes memory proof) =
            _case(count, first, length);
        bytes32 root = Wire.laneRoot(leaves);
        uint256 parts = range.length + proof.length / 32;
        which %= parts;
        if (which < range.length) {
            range[which] = keccak256(abi.encode(range[which]));
        } else {
            proof[32 * (which - range.length)] ^= 0x01;
        }
        vm.assertFalse(harness.rangeRoot(range, from, leaves.length, proof) == root, "mutated");
    }

    /// @dev Zeros behind the last leaf are no messages.
    function testFuzz_rangeEndsAtCount(uint256 count, uint256 beyond) public {
        bytes32[] memory leaves = _leaves(count % 50 + 1);
        beyond = beyond % 5 + 1;
        bytes32[] memory range = new bytes32[](beyond);
        vm.expectRevert(
            abi.encodeWithSelector(IGateway.RangeOutOfBounds.selector, leaves.length, beyond, leaves.length)
        );
        harness.rangeRoot(range, leaves.length, leaves.length, "");
    }

    function test_emptyRangeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IGateway.RangeOutOfBounds.selector, 3, 0, 7));
        harness.rangeRoot(new bytes32[](0), 3, 7, "");
    }

    function test_countAboveTheTreeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IGateway.RangeOutOfBounds.selector, 0, 1, uint256(1) << 32));
        harness.rangeRoot(new bytes32[](1), 0, uint256(1) << 32, "");
    }

    function testFuzz_proofIsTakenExactly(uint256 count, uint256 first, uint256 length, uint8 cut) public {
        (bytes32[] memory leaves, bytes32[] memory range, uint256 from, bytes memory proof) =
            _case(count, first, length);
        vm.expectRevert(IGateway.RangeProofLength.selector);
        harness.rangeRoot(range, from, leaves.length, abi.encodePacked(proof, bytes32(0)));
        if (proof.length == 0) return;
        bytes memory short = new bytes(proof.length - 1 - cut % proof.length);
        for (uint256 i = 0; i < short.length; ++i) {
            short[i] = proof[i];
        }
        vm.expectRevert(IGateway.RangeProofLength.selector);
        harness.rangeRoot(range, from, leaves.length, short);
    }

    function _case(uint256 count, uint256 first, uint256 length)
        private
        pure
        returns (bytes32[] memory leaves, bytes32[] memory range, uint256 from, bytes memory proof)
    {
        leaves = _leaves(count % 70 + 1);
        from = first % leaves.length;
        range = new bytes32[](length % (leaves.length - from) + 1);
        for (uint256 i = 0; i < range.length; ++i) {
            range[i] = leaves[from + i];
        }
        proof = Wire.rangeProof(leaves, from, range.length);
    }

    function _leaves(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode("leaf", i));
        }
    }
}
