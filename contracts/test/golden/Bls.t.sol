// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IHub} from "../../src/interfaces/IHub.sol";
import {Curve, IBlsHarness} from "../support/Curve.sol";
import {Golden} from "../support/Golden.sol";
import {HubAt} from "../support/HubAt.sol";
import {vm} from "../support/Vm.sol";

/// @title bls.json: hashes, signatures, sums, and proofs of possession at the hub's registry
contract GoldenBlsTest {
    bytes private constant SIGNATURE_TAG = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    bytes4 private constant PRECOMPILE_FAILED = bytes4(keccak256("PrecompileFailed(address)"));
    /// @dev Where the file's network has its hub.
    address private constant REGISTRY = 0x1111111111111111111111111111111111111111;
    uint256 private constant KEYS = 4;

    IBlsHarness private bls;
    IHub private registry;
    string private json;

    function setUp() public {
        json = Golden.file("bls.json");
        bls = IBlsHarness(vm.deployCode("BlsHarness.sol:BlsHarness", ""));
        registry = HubAt.deploy(REGISTRY, 901, "golden", vm.parseJsonBytes32(json, ".network"));
    }

    function test_hashes() public view {
        for (uint256 i = 0; i < KEYS; ++i) {
            vm.assertEq(_hash(i), bls.unpackG1(_data(".hashedDigests", i)), "hash");
        }
    }

    function test_signatures() public view {
        for (uint256 i = 0; i < KEYS; ++i) {
            for (uint256 k = 0; k < KEYS; ++k) {
                bool holds = bls.verify(bls.unpackG1(_data(".signaturesOfDigest0", i)), _hash(0), _key(k));
                vm.assertTrue(holds == (i == k), "under its own key alone");
            }
            bytes memory signature = bls.unpackG1(_data(".signaturesOfDigest0", i));
            vm.assertFalse(bls.verify(signature, _hash(1), _key(i)), "of its own digest alone");
        }
    }

    function test_sums() public view {
        bytes memory keys;
        bytes memory signature = new bytes(128);
        for (uint256 i = 0; i < KEYS; ++i) {
            keys = bytes.concat(keys, _data(".keys", i));
            signature = bls.addG1(signature, bls.unpackG1(_data(".signaturesOfDigest0", i)));
        }
        bytes memory key = bls.sumInSubgroup(keys, 192);
        vm.assertEq(Curve.pack(key), vm.parseJsonBytes(json, ".aggregateKey"), "key");
        vm.assertEq(Curve.pack(signature), vm.parseJsonBytes(json, ".aggregateSignature"), "signature");
        vm.assertTrue(bls.verify(signature, _hash(0), key), "together");
    }

    function test_possessionIsProven() public {
        for (uint256 i = 0; i < KEYS; ++i) {
            address operator = vm.parseJsonAddress(json, Golden.at(".operators", i));
            vm.prank(operator);
            registry.registerAttester(_data(".keys", i), _data(".possessionProofs", i), bytes32(i + 1));
            bytes32 id = vm.parseJsonBytes32(json, Golden.at(".attesterIds", i));
            vm.assertEq(registry.attesterOf(operator).id, id, "attester id");
        }
    }

    /// @dev A proof is its operator's and its key's.
    function test_possessionOfAnotherIsRefused() public {
        for (uint256 i = 0; i < KEYS; ++i) {
            uint256 other = (i + 1) % KEYS;
            bytes memory key = _data(".keys", i);
            bytes memory proof = _data(".possessionProofs", i);
            _assertRefused(other, key, proof, IHub.PossessionNotProven.selector, "another operator");
            _assertRefused(other, _data(".keys", other), proof, IHub.PossessionNotProven.selector, "another key");
            proof = _data(".signaturesOfDigest0", i);
            _assertRefused(i, key, proof, IHub.PossessionNotProven.selector, "a signature");
            proof = Golden.flipped(_data(".possessionProofs", i), 95);
            _assertRefused(i, key, proof, PRECOMPILE_FAILED, "altered");
        }
    }

    /// @dev For what they are, before it is asked who signed what.
    function test_refusedKeys() public {
        uint256 keys = Golden.length(json, ".refusedKeys");
        vm.assertEq(keys, 7, "refused keys");
        for (uint256 i = 0; i < keys; ++i) {
            string memory name = vm.parseJsonString(json, Golden.at(".refusedKeyNames", i));
            _assertRefused(0, _data(".refusedKeys", i), _data(".possessionProofs", 0), _pointError(name), name);
        }
    }

    function test_refusedSignatures() public {
        uint256 signatures = Golden.length(json, ".refusedSignatures");
        vm.assertEq(signatures, 6, "refused signatures");
        for (uint256 i = 0; i < signatures; ++i) {
            string memory name = vm.parseJsonString(json, Golden.at(".refusedSignatureNames", i));
            _assertRefused(0, _data(".keys", 0), _data(".refusedSignatures", i), _pointError(name), name);
        }
    }

    function _assertRefused(uint256 operator, bytes memory key, bytes memory proof, bytes4 reason, string memory name)
        private
    {
        vm.prank(vm.parseJsonAddress(json, Golden.at(".operators", operator)));
        (bool ok, bytes memory answer) =
            address(registry).call(abi.encodeCall(registry.registerAttester, (key, proof, bytes32("transport"))));
        vm.assertFalse(ok, name);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(reason), name);
    }

    function _pointError(string memory name) private pure returns (bytes4) {
        return keccak256(bytes(name)) == keccak256("infinity") ? IHub.PointAtInfinity.selector : PRECOMPILE_FAILED;
    }

    function _hash(uint256 i) private view returns (bytes memory) {
        return bls.hashToG1(abi.encode(vm.parseJsonBytes32(json, Golden.at(".digests", i))), SIGNATURE_TAG);
    }

    function _key(uint256 i) private view returns (bytes memory) {
        return bls.sumInSubgroup(_data(".keys", i), 192);
    }

    function _data(string memory list, uint256 i) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, Golden.at(list, i));
    }
}
