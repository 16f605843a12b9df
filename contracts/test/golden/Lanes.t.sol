// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment} from "../../src/interfaces/IGateway.sol";
import {Golden} from "../support/Golden.sol";
import {IGatewayHarness} from "../support/IGatewayHarness.sol";
import {vm} from "../support/Vm.sol";

/// @title lanes.json: a lane in the tree of an origin's lanes
/// @dev The tree itself is built by attesters alone, and so is the root of no lanes, under which nothing can be proven.
contract GoldenLanesTest {
    IGatewayHarness private harness;
    string private json;

    struct Lane {
        Commitment commitment;
        uint64 chainId;
        address gateway;
        uint64 count;
        bytes32 root;
        bytes32[] proof;
    }

    function setUp() public {
        harness = IGatewayHarness(vm.deployCode("GatewayHarness.sol:GatewayHarness", ""));
        json = Golden.file("lanes.json");
    }

    function test_lanesAreProven() public view {
        uint256 proven;
        for (uint256 i = 0; i < Golden.length(json, ".sets"); ++i) {
            string memory set = Golden.at(".sets", i);
            uint256 lanes = Golden.length(json, Golden.at(set, "lanes"));
            for (uint256 k = 0; k < lanes; ++k) {
                vm.assertTrue(_proves(_lane(set, k)), "not proven");
            }
            proven += lanes;
        }
        vm.assertEq(proven, 18, "lanes");
    }

    /// @dev The root of a single lane is its leaf.
    function test_leaves() public view {
        for (uint256 k = 0; k < 7; ++k) {
            Lane memory lane = _lane(".sets[5]", k);
            lane.commitment.lanesRoot = Golden.word(json, Golden.at(".sets[5].lanes", k), "leaf");
            lane.proof = new bytes32[](0);
            vm.assertTrue(_proves(lane), "leaf");
        }
    }

    function test_alteredProofsAreRefused() public view {
        for (uint256 i = 0; i < Golden.length(json, ".sets"); ++i) {
            string memory set = Golden.at(".sets", i);
            for (uint256 k = 0; k < Golden.length(json, Golden.at(set, "lanes")); ++k) {
                _assertEveryFieldCounts(_lane(set, k));
                _assertEveryHashCounts(_lane(set, k));
            }
        }
    }

    function _assertEveryFieldCounts(Lane memory lane) private view {
        lane.chainId ^= 1;
        vm.assertFalse(_proves(lane), "another chain");
        lane.chainId ^= 1;
        lane.gateway = address(uint160(lane.gateway) ^ 1);
        vm.assertFalse(_proves(lane), "another gateway");
        lane.gateway = address(uint160(lane.gateway) ^ 1);
        lane.count ^= 1;
        vm.assertFalse(_proves(lane), "another count");
        lane.count ^= 1;
        lane.root ^= bytes32(uint256(1));
        vm.assertFalse(_proves(lane), "another root");
        lane.root ^= bytes32(uint256(1));
        lane.commitment.lanesRoot = vm.parseJsonBytes32(json, ".noLanes");
        vm.assertFalse(_proves(lane), "under no lanes");
    }

    function _assertEveryHashCounts(Lane memory lane) private view {
        bytes32[] memory proof = lane.proof;
        for (uint256 i = 0; i < proof.length; ++i) {
            lane.proof = Golden.flipped(proof, i);
            vm.assertFalse(_proves(lane), "another hash");
        }
        lane.proof = Golden.resized(proof, proof.length + 1);
        vm.assertFalse(_proves(lane), "a hash more");
        if (proof.length == 0) return;
        lane.proof = Golden.resized(proof, proof.length - 1);
        vm.assertFalse(_proves(lane), "a hash less");
    }

    function _proves(Lane memory lane) private view returns (bool) {
        return harness.provesLane(lane.commitment, lane.chainId, lane.gateway, lane.count, lane.root, lane.proof);
    }

    function _lane(string memory set, uint256 index) private view returns (Lane memory lane) {
        string memory at = Golden.at(Golden.at(set, "lanes"), index);
        lane.commitment.lanesRoot = Golden.word(json, set, "root");
        lane.chainId = uint64(Golden.number(json, at, "destinationChainId"));
        lane.gateway = Golden.account(json, at, "destinationGateway");
        lane.count = uint64(Golden.number(json, at, "count"));
        lane.root = Golden.word(json, at, "laneRoot");
        lane.proof = vm.parseJsonBytes32Array(json, Golden.at(Golden.at(set, "proofs"), index));
    }
}
