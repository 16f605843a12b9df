// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Attester, IHub} from "../../src/interfaces/IHub.sol";
import {Attesters} from "../support/Attesters.sol";
import {Curve} from "../support/Curve.sol";
import {vm} from "../support/Vm.sol";

/// @title Who becomes an attester, and which keys never do
/// @dev Tests with two words before an underscore are named after the attacks of docs/security.md.
contract AttesterRegistryTest is Attesters {
    /// @dev Raised by the precompile that a bad point was given to.
    bytes4 private constant PRECOMPILE_FAILED = bytes4(keccak256("PrecompileFailed(address)"));

    bytes private victim;

    event AttesterRegistered(address indexed operator, bytes32 indexed id, bytes key, bytes32 transportKey);

    function setUp() public {
        _setUpContracts();
        _setUpAttesters();
        victim = _enrol(0);
    }

    function test_registersAnAttester() public {
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        bytes32 id = keccak256(abi.encodePacked(keccak256("metalayer/attester"), uint8(1), key));
        vm.expectEmit(true, true, true, true, address(registry));
        emit AttesterRegistered(_operator(1), id, key, _transport(1));
        _enrol(1);
        Attester memory attester = registry.attesterOf(_operator(1));
        vm.assertEq(attester.id, id, "id");
        vm.assertEq(attester.transportKey, _transport(1), "transport key");
        vm.assertEq(attester.stake, 0, "no member yet");
        vm.assertEq(registry.attesterOf(_operator(2)).id, 0, "nobody else");
    }

    function test_stakesAreAddedUp() public {
        _enrol(1);
        _stake(0, 7);
        _stake(1, 5);
        _total(2, 12);
        _stake(0, 3);
        _total(2, 8);
        _stake(1, 0);
        _total(1, 3);
        _stake(1, 0);
        _total(1, 3);
        vm.assertEq(registry.attesterOf(_operator(0)).stake, 3, "stake");
        _on(hub, STAKER);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotAttester.selector, BOB));
        registry.setStake(BOB, 1);
    }

    /// @dev The attacker's key less another's: the two sum to one whose secret is the attacker's. It cannot sign for it alone.
    function test_RogueKey_refusedAtRegistration() public {
        uint256 own = _secret(9);
        bytes memory rogue = Curve.addG2(Curve.key(own), Curve.negate(Curve.key(_secret(0))));
        bytes memory key = Curve.pack(rogue);
        _refuse(key, _possession(own, BOB, key), IHub.PossessionNotProven.selector);
        // Nor with what the other one showed, subtracted.
        bytes32 message = _possessionMessage(_network(), BOB, key);
        bytes memory others = Curve.mulG1(bls.hashToG1(abi.encode(message), POSSESSION_DST), own);
        bytes memory shown = _unpacked(_possession(_secret(0), _operator(0), victim));
        _refuse(
            key, Curve.pack(Curve.addG1(others, Curve.mulG1(shown, Curve.ORDER - 1))), IHub.PossessionNotProven.selector
        );
    }

    function test_InfinityKey_refusedAtRegistration() public {
        bytes memory infinity = new bytes(192);
        _refuse(infinity, new bytes(96), IHub.PointAtInfinity.selector);
        _refuse(infinity, _possession(_secret(1), BOB, infinity), IHub.PointAtInfinity.selector);
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        _refuse(key, new bytes(96), IHub.PointAtInfinity.selector);
    }

    function test_PointOutsideSubgroup_keyRefusedAtRegistration() public {
        bytes memory torsion = Curve.pack(Curve.addG2(Curve.key(_secret(1)), Curve.OUTSIDE_G2));
        _refuse(torsion, _possession(_secret(1), BOB, torsion), PRECOMPILE_FAILED);
        bytes memory alone = Curve.pack(Curve.OUTSIDE_G2);
        _refuse(alone, _possession(_secret(1), BOB, alone), PRECOMPILE_FAILED);
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        bytes memory proof = Curve.addG1(_unpacked(_possession(_secret(1), BOB, key)), Curve.OUTSIDE_G1);
        _refuse(key, Curve.pack(proof), PRECOMPILE_FAILED);
    }

    function testFuzz_PointOutsideSubgroup_noOtherBytesAreAKey(uint256 place, uint8 change) public {
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        bytes memory possession = _possession(_secret(1), BOB, key);
        place %= 192 + 96;
        if (change == 0) change = 1;
        if (place < 192) key[place] ^= bytes1(change);
        else possession[place - 192] ^= bytes1(change);
        _on(hub, BOB);
        vm.expectRevert();
        registry.registerAttester(key, possession, _transport(1));
    }

    /// @dev x + p is x to whoever forgets to look, and another key in every comparison of bytes.
    function test_PointOutsideSubgroup_coordinateAboveTheModulus() public {
        bytes memory key = Curve.pack(Curve.OUTSIDE_G2);
        for (uint256 i = 0; i < 48; ++i) {
            key[i] = 0xff;
        }
        _refuse(key, _possession(_secret(1), BOB, key), PRECOMPILE_FAILED);
    }

    function test_KeysThatCancel_refusedAtRegistration() public {
        _refuse(victim, _possession(_secret(0), BOB, victim), IHub.KeyTaken.selector);
        uint256 negative = Curve.ORDER - _secret(0);
        bytes memory key = Curve.pack(Curve.key(negative));
        _refuse(key, _possession(negative, BOB, key), IHub.KeyTaken.selector);
    }

    function test_transportKeysAreGivenOnce() public {
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        bytes memory possession = _possession(_secret(1), BOB, key);
        _on(hub, BOB);
        vm.expectRevert(IHub.KeyTaken.selector);
        registry.registerAttester(key, possession, _transport(0));
        _on(hub, BOB);
        vm.expectRevert(IHub.KeyMalformed.selector);
        registry.registerAttester(key, possession, 0);
    }

    /// @dev A proof serves its operator and its network, and a signature over anything else serves nobody.
    function test_Replay_proofOfPossession() public {
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        _refuse(key, _possession(_secret(1), _operator(1), key), IHub.PossessionNotProven.selector);
        bytes32 elsewhere = _possessionMessage(keccak256("another network"), BOB, key);
        _refuse(key, _signed(_secret(1), elsewhere, POSSESSION_DST), IHub.PossessionNotProven.selector);
        bytes32 message = _possessionMessage(_network(), BOB, key);
        bytes memory signature = _signed(_secret(1), message, "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_");
        _refuse(key, signature, IHub.PossessionNotProven.selector);
    }

    /// @dev What Rust writes, this file's own proofs are, and so what the registry takes.
    function test_goldenProofsOfPossession() public view {
        string memory golden = vm.readFile("../proto/golden/bls.json");
        bytes32 network = vm.parseJsonBytes32(golden, ".network");
        for (uint256 i = 0; i < 4; ++i) {
            uint256 secret = vm.parseJsonUint(golden, _at(".secrets", i));
            bytes memory key = vm.parseJsonBytes(golden, _at(".keys", i));
            address operator = address(bytes20(vm.parseJsonBytes(golden, _at(".operators", i))));
            vm.assertEq(Curve.pack(Curve.key(secret)), key, "key");
            bytes memory proof = _signed(secret, _possessionMessage(network, operator, key), POSSESSION_DST);
            vm.assertEq(vm.parseJsonBytes(golden, _at(".possessionProofs", i)), proof, "proof");
            bytes32 id = keccak256(abi.encodePacked(keccak256("metalayer/attester"), uint8(1), key));
            vm.assertEq(vm.parseJsonBytes32(golden, _at(".attesterIds", i)), id, "id");
        }
    }

    function test_goldenKeysThatAreRefused() public {
        string memory golden = vm.readFile("../proto/golden/bls.json");
        for (uint256 i = 0; vm.keyExistsJson(golden, _at(".refusedKeys", i)); ++i) {
            bytes memory key = vm.parseJsonBytes(golden, _at(".refusedKeys", i));
            bytes memory possession = _possession(_secret(1), BOB, key);
            _on(hub, BOB);
            (bool ok,) =
                address(registry).call(abi.encodeCall(registry.registerAttester, (key, possession, bytes32("k"))));
            vm.assertFalse(ok, vm.parseJsonString(golden, _at(".refusedKeyNames", i)));
        }
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }

    function test_anOperatorHasOneAttester() public {
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        bytes memory possession = _possession(_secret(1), _operator(0), key);
        _on(hub, _operator(0));
        vm.expectRevert(abi.encodeWithSelector(IHub.OperatorTaken.selector, _operator(0)));
        registry.registerAttester(key, possession, _transport(1));
    }

    function test_lengthsAreExact() public {
        bytes memory key = Curve.pack(Curve.key(_secret(1)));
        bytes memory possession = _possession(_secret(1), BOB, key);
        _refuse(bytes.concat(key, hex"00"), possession, IHub.KeyMalformed.selector);
        _refuse(key, bytes.concat(possession, hex"00"), IHub.KeyMalformed.selector);
        _refuse("", "", IHub.KeyMalformed.selector);
    }

    function _refuse(bytes memory key, bytes memory possession, bytes4 reason) private {
        _on(hub, BOB);
        (bool ok, bytes memory answer) =
            address(registry).call(abi.encodeCall(registry.registerAttester, (key, possession, _transport(1))));
        vm.assertFalse(ok, "registered");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(reason), "reason");
    }

    function _total(uint256 members, uint256 total) private view {
        (uint256 count, uint256 sum) = registry.stakes();
        vm.assertEq(count, members, "members");
        vm.assertEq(sum, total, "total");
    }

    /// @dev 48 bytes a coordinate to 64.
    function _unpacked(bytes memory packed) private pure returns (bytes memory point) {
        point = new bytes(packed.length / 48 * 64);
        for (uint256 i = 0; i < packed.length; ++i) {
            point[i / 48 * 64 + 16 + i % 48] = packed[i];
        }
    }
}
