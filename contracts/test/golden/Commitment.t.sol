// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment} from "../../src/interfaces/IGateway.sol";
import {Golden} from "../support/Golden.sol";
import {HubAt} from "../support/HubAt.sol";
import {IGatewayHarness} from "../support/IGatewayHarness.sol";
import {vm} from "../support/Vm.sol";

/// @title commitment.json and batch.json: the digest that attesters sign, and the network that it names
/// @dev Packed commitments and transport batches travel between attesters and collectors alone; no contract sees either. Of a
/// batch the digests are recomputed here.
contract GoldenCommitmentTest {
    IGatewayHarness private harness;

    function setUp() public {
        harness = IGatewayHarness(vm.deployCode("GatewayHarness.sol:GatewayHarness", ""));
    }

    function test_digest() public view {
        _assertDigest(Golden.file("commitment.json"), ".commitment");
    }

    function test_digestsInABatch() public view {
        string memory json = Golden.file("batch.json");
        uint256 attestations = Golden.length(json, ".attestations");
        vm.assertEq(attestations, 2, "attestations");
        for (uint256 i = 0; i < attestations; ++i) {
            _assertDigest(json, Golden.at(Golden.at(".attestations", i), "commitment"));
        }
    }

    function test_everyFieldIsSigned() public view {
        string memory json = Golden.file("commitment.json");
        Commitment memory commitment = Golden.commitment(json, ".commitment");
        for (uint256 field = 0; field < 8; ++field) {
            bytes memory altered = Golden.flipped(abi.encode(commitment), 32 * field + 31);
            bytes32 digest = harness.digest(abi.decode(altered, (Commitment)));
            vm.assertFalse(digest == harness.digest(commitment), "same digest");
        }
    }

    function test_network() public {
        string memory json = Golden.file("commitment.json");
        address registry = Golden.account(json, ".network", "hubRegistry");
        uint64 chainId = uint64(Golden.number(json, ".network", "hubChainId"));
        bytes32 id = Golden.word(json, ".network", "id");
        string memory name = vm.parseJsonString(json, ".network.name");
        vm.assertEq(HubAt.deploy(registry, chainId, name, id).network(), id, "network");
        vm.assertEq(id, Golden.word(json, ".commitment", "network"), "the commitment's");
    }

    function _assertDigest(string memory json, string memory at) private view {
        vm.assertEq(harness.digest(Golden.commitment(json, at)), Golden.word(json, at, "digest"), "digest");
    }
}
