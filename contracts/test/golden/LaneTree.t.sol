// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Golden} from "../support/Golden.sol";
import {IGatewayHarness} from "../support/IGatewayHarness.sol";
import {vm} from "../support/Vm.sol";

/// @title lane.json: roots, frontiers, range proofs and paths of lane trees
/// @dev The file is kept in memory: it is too long to be read from storage for each value. Consistency proofs (`growth[].proof`)
/// are made and checked by attesters alone; the roots beside them are checked here.
contract GoldenLaneTreeTest {
    IGatewayHarness private harness;

    /// @dev A proof and what it is of.
    struct Range {
        bytes32[] leaves;
        uint256 first;
        uint256 count;
        bytes proof;
        bytes32 root;
    }

    function setUp() public {
        harness = IGatewayHarness(vm.deployCode("GatewayHarness.sol:GatewayHarness", ""));
    }

    /// @dev The tree's own zeros cannot be asked for: a first leaf's way to the root passes each of them.
    function test_zeros() public view {
        string memory json = Golden.file("lane.json");
        bytes32[] memory zeros = vm.parseJsonBytes32Array(json, ".zeros");
        vm.assertEq(zeros.length, 33, "zeros");
        vm.assertEq(harness.root(), zeros[32], "empty lane");
        bytes32 leaf = keccak256("leaf");
        bytes32 node = leaf;
        for (uint256 i = 0; i < 32; ++i) {
            node = keccak256(abi.encode(node, zeros[i]));
        }
        vm.assertEq(harness.pathRoot(leaf, 0, 1, ""), node, "zeros beside a leaf");
    }

    /// @dev From the frontier before, leaf by leaf, to the frontier after.
    function test_rootsAndFrontiers() public {
        string memory json = Golden.file("lane.json");
        uint256 lanes = Golden.length(json, ".lanes");
        vm.assertEq(lanes, 8, "lanes");
        for (uint256 i = 0; i < lanes; ++i) {
            string memory at = Golden.at(".lanes", i);
            bytes memory before = Golden.data(json, at, "before");
            uint256 first = uint64(bytes8(before));
            harness.setFrontier(before);
            vm.assertEq(harness.frontier(), before, "before");
            bytes32[] memory leaves = Golden.words(json, at, "leaves");
            for (uint256 k = 0; k <= leaves.length; ++k) {
                string memory growth = Golden.at(Golden.at(at, "growth"), k);
                vm.assertEq(Golden.number(json, growth, "from"), first + k, "from");
                vm.assertEq(harness.root(), Golden.word(json, growth, "root"), "root on the way");
                if (k < leaves.length) vm.assertEq(harness.append(leaves[k]), first + k, "sequence");
            }
            vm.assertEq(first + leaves.length, Golden.number(json, at, "count"), "count");
            vm.assertEq(harness.root(), Golden.word(json, at, "root"), "root");
            vm.assertEq(harness.frontier(), Golden.data(json, at, "frontier"), "frontier");
        }
    }

    function test_ranges() public view {
        string memory json = Golden.file("lane.json");
        uint256 checked;
        for (uint256 i = 0; i < 8; ++i) {
            string memory at = Golden.at(".lanes", i);
            uint256 ranges = Golden.length(json, Golden.at(at, "ranges"));
            for (uint256 k = 0; k < ranges; ++k) {
                Range memory range = _range(json, at, k);
                vm.assertEq(_root(range), range.root, "range");
                if (range.leaves.length == 1) {
                    bytes32 root = harness.pathRoot(range.leaves[0], range.first, range.count, range.proof);
                    vm.assertEq(root, range.root, "path");
                }
            }
            checked += ranges;
        }
        vm.assertEq(checked, 137, "ranges");
    }

    /// @dev Each leaf, each hash of the proof, where it begins and how much there is.
    function test_alteredRangesAreRefused() public view {
        string memory json = Golden.file("lane.json");
        for (uint256 i = 0; i < 8; ++i) {
            string memory at = Golden.at(".lanes", i);
            uint256 ranges = Golden.length(json, Golden.at(at, "ranges"));
            for (uint256 k = 0; k < ranges; ++k) {
                _assertEveryPartCounts(_range(json, at, k));
            }
        }
    }

    function _assertEveryPartCounts(Range memory range) private view {
        (bytes32[] memory leaves, bytes memory proof) = (range.leaves, range.proof);
        for (uint256 i = 0; i < leaves.length; ++i) {
            range.leaves = Golden.flipped(leaves, i);
            vm.assertFalse(_proves(range), "another leaf");
        }
        range.leaves = Golden.slice(leaves, 1, leaves.length);
        vm.assertFalse(_proves(range), "a leaf less");
        range.leaves = Golden.resized(leaves, leaves.length + 1);
        vm.assertFalse(_proves(range), "a leaf more");
        range.leaves = leaves;
        for (uint256 at = 0; at < proof.length; at += 32) {
            range.proof = Golden.flipped(proof, at);
            vm.assertFalse(_proves(range), "another hash");
        }
        range.proof = bytes.concat(proof, bytes32(0));
        vm.assertFalse(_proves(range), "a hash more");
        range.proof = proof;
        range.first += 1;
        vm.assertFalse(_proves(range), "one later");
    }

    function _root(Range memory range) private view returns (bytes32) {
        return harness.rangeRoot(range.leaves, range.first, range.count, range.proof);
    }

    function _proves(Range memory range) private view returns (bool) {
        try harness.rangeRoot(range.leaves, range.first, range.count, range.proof) returns (bytes32 root) {
            return root == range.root;
        } catch {
            return false;
        }
    }

    function _range(string memory json, string memory lane, uint256 index) private pure returns (Range memory range) {
        string memory at = Golden.at(Golden.at(lane, "ranges"), index);
        range.first = Golden.number(json, at, "first");
        range.count = Golden.number(json, lane, "count");
        range.proof = Golden.data(json, at, "proof");
        range.root = Golden.word(json, lane, "root");
        uint256 from = range.first - uint64(bytes8(Golden.data(json, lane, "before")));
        uint256 to = from + Golden.number(json, at, "length");
        range.leaves = Golden.slice(Golden.words(json, lane, "leaves"), from, to);
    }
}
