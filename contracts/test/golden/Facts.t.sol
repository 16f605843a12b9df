// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Golden} from "../support/Golden.sol";
import {IGatewayHarness} from "../support/IGatewayHarness.sol";
import {vm} from "../support/Vm.sol";

/// @title facts.json: facts in the map that a commitment signs
/// @dev Contracts claim fees and nothing else by a fact: keys and values of other namespaces, and the roots of a growing map,
/// are computed by attesters alone. That each fact is in the map is checked of them all.
contract GoldenFactsTest {
    IGatewayHarness private harness;
    string private json;

    struct Proof {
        bytes32 root;
        bytes32 key;
        bytes32 value;
        bytes32[] siblings;
    }

    function setUp() public {
        harness = IGatewayHarness(vm.deployCode("GatewayHarness.sol:GatewayHarness", ""));
        json = Golden.file("facts.json");
    }

    function test_factsAreProven() public view {
        uint256 facts = Golden.length(json, ".facts");
        vm.assertEq(facts, 11, "facts");
        for (uint256 i = 0; i < facts; ++i) {
            Proof memory proof = _proof(i);
            vm.assertTrue(_proves(proof), "not proven");
            vm.assertEq(proof.value, Golden.word(json, Golden.at(".facts", i), "valueHash"), "value's hash");
            // The root of a map with one fact is the fact's leaf.
            proof.root = Golden.word(json, Golden.at(".facts", i), "leaf");
            proof.siblings = new bytes32[](0);
            vm.assertTrue(_proves(proof), "leaf");
        }
    }

    function test_alteredProofsAreRefused() public view {
        for (uint256 i = 0; i < 11; ++i) {
            Proof memory proof = _proof(i);
            bytes32[] memory siblings = proof.siblings;
            for (uint256 k = 0; k < siblings.length; ++k) {
                proof.siblings = Golden.flipped(siblings, k);
                vm.assertFalse(_proves(proof), "another sibling");
            }
            proof.siblings = Golden.resized(siblings, siblings.length - 1);
            vm.assertFalse(_proves(proof), "a sibling less");
            proof.siblings = Golden.resized(siblings, siblings.length + 1);
            vm.assertFalse(_proves(proof), "a sibling more");
            proof.siblings = siblings;
            proof.value ^= bytes32(uint256(1));
            vm.assertFalse(_proves(proof), "another value");
            proof.value ^= bytes32(uint256(1));
            proof.key ^= bytes32(uint256(1));
            vm.assertFalse(_proves(proof), "another key");
            proof.key ^= bytes32(uint256(1));
            proof.root = 0;
            vm.assertFalse(_proves(proof), "an empty map");
        }
    }

    /// @dev The key as `claimFees` makes it, and the value as it hashes a total.
    function test_feesKeyAndValue() public view {
        for (uint256 i = 0; i < 11; ++i) {
            string memory at = Golden.at(".facts", i);
            if (keccak256(bytes(vm.parseJsonString(json, Golden.at(at, "namespace")))) != keccak256("fees")) continue;
            bytes memory key = Golden.data(json, at, "key");
            (uint64 chainId, address gateway, address executor) = _fields(key);
            vm.assertEq(key, abi.encodePacked(chainId, gateway, executor), "whole");
            vm.assertEq(harness.feesKey(chainId, gateway, executor), Golden.word(json, at, "keyHash"), "key");
            bytes memory total = abi.encode(type(uint256).max);
            vm.assertEq(total, Golden.data(json, at, "value"), "value");
            return;
        }
        vm.assertTrue(false, "no fees");
    }

    function _fields(bytes memory key) private pure returns (uint64 chainId, address gateway, address executor) {
        assembly ("memory-safe") {
            chainId := shr(192, mload(add(key, 32)))
            gateway := shr(96, mload(add(key, 40)))
            executor := shr(96, mload(add(key, 60)))
        }
    }

    function _proves(Proof memory proof) private view returns (bool) {
        return harness.provesFact(proof.root, proof.key, proof.value, proof.siblings);
    }

    function _proof(uint256 index) private view returns (Proof memory) {
        string memory at = Golden.at(".facts", index);
        return Proof({
            root: vm.parseJsonBytes32(json, ".root"),
            key: Golden.word(json, at, "keyHash"),
            value: keccak256(Golden.data(json, at, "value")),
            siblings: Golden.words(json, at, "proof")
        });
    }
}
