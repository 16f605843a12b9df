// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Curve} from "../support/Curve.sol";
import {Member, Table, Tables} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title What an attacker does with points, bitmaps and stakes
/// @dev Tests are named after the attacks of docs/security.md.
contract SignatureAttacksTest is AttesterSetFixture {
    bytes private INFINITY_SIGNATURE = new bytes(96);

    function setUp() public {
        _setUpBls();
    }

    function test_PointOutsideSubgroup_keyRefusedAtLoad() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        table.members[2].key = Curve.pack(Curve.addG2(Curve.key(5), Curve.OUTSIDE_G2));
        _expectPrecompileFailure(Tables.build(FIRST_EPOCH, table.members), 0x0e);
    }

    /// @dev The two errors cancel in the sum of both, so a check of the aggregate would let them through.
    function test_PointOutsideSubgroup_pairOfPPlusTAndQMinusTRefusedAtLoad() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        (bytes memory p, bytes memory q) = (Curve.key(5), Curve.key(6));
        bytes memory left = Curve.addG2(p, Curve.OUTSIDE_G2);
        bytes memory right = Curve.addG2(q, bls.negate(Curve.OUTSIDE_G2));
        vm.assertEq(Curve.addG2(left, right), Curve.addG2(p, q), "the errors cancel");
        (table.members[0].key, table.members[1].key) = (Curve.pack(left), Curve.pack(right));
        _expectPrecompileFailure(Tables.build(FIRST_EPOCH, table.members), 0x0e);
    }

    function test_PointOutsideSubgroup_signatureRefused() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        bytes memory hash = bls.hashToG1(abi.encode(DIGEST), SIGNATURE_TAG);
        uint256 secret;
        for (uint256 i = 0; i < 5; ++i) {
            secret = addmod(secret, table.members[i].secret, Curve.ORDER);
        }
        bytes memory outside = Curve.addG1(Curve.mulG1(hash, secret), Curve.OUTSIDE_G1);
        bytes memory proof = abi.encodePacked(FIRST_EPOCH, Curve.pack(outside), _all(table));
        vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(0x0f)));
        set.verify(DIGEST, proof);
    }

    function test_InfinityKey_refusedAtLoad() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        table.members[0].key = new bytes(192);
        table = Tables.build(FIRST_EPOCH, table.members);
        IAttesterSet set = _deploy(table);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.KeyOutOfOrder.selector, 0));
        set.loadChunk(table.header, 0, table.chunks[0]);
    }

    function test_InfinityAggregateKey_ofAllMembersRefusedAtLoad() public {
        Table memory table = Tables.build(FIRST_EPOCH, _cancelling(4));
        IAttesterSet set = _deploy(table);
        vm.expectRevert(IAttesterSet.PointAtInfinity.selector);
        set.loadChunk(table.header, 0, table.chunks[0]);
    }

    function test_InfinityAggregateKey_ofQuorumRefused() public {
        (IAttesterSet set,, bytes memory cancelling) = _deployWithCancellingQuorum();
        bytes memory anySignature = Curve.pack(bls.hashToG1(abi.encode(DIGEST), SIGNATURE_TAG));
        vm.expectRevert(IAttesterSet.PointAtInfinity.selector);
        set.verify(DIGEST, abi.encodePacked(FIRST_EPOCH, anySignature, cancelling));
    }

    function test_InfinitySignature_refused() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        vm.expectRevert(IAttesterSet.PointAtInfinity.selector);
        set.verify(DIGEST, abi.encodePacked(FIRST_EPOCH, INFINITY_SIGNATURE, _all(table)));
    }

    /// @dev The pairing holds for infinity and infinity, whatever was "signed".
    function test_InfinityAggregateKeyAndSignature_togetherRefused() public {
        (IAttesterSet set,, bytes memory cancelling) = _deployWithCancellingQuorum();
        vm.expectRevert(IAttesterSet.PointAtInfinity.selector);
        set.verify(DIGEST, abi.encodePacked(FIRST_EPOCH, INFINITY_SIGNATURE, cancelling));
    }

    function test_KeysThatCancel_keyAndItsNegativeRefused() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        table.members[3].key = Curve.pack(Curve.negate(Curve.key(table.members[1].secret)));
        _expectKeyOutOfOrder(Tables.build(FIRST_EPOCH, table.members), 2);
    }

    function test_KeysThatCancel_sameKeyTwiceRefused() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        table.members[3].key = table.members[1].key;
        _expectKeyOutOfOrder(Tables.build(FIRST_EPOCH, table.members), 2);
    }

    function test_KeysThatCancel_sameKeyInTwoChunksRefused() public {
        Table memory table = _equalTable(FIRST_EPOCH, 130);
        table.members[120].key = table.members[119].key;
        table = Tables.encode(FIRST_EPOCH, table.members);
        IAttesterSet set = _deploy(table);
        set.loadChunk(table.header, 0, table.chunks[0]);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.KeyOutOfOrder.selector, 120));
        set.loadChunk(table.header, 1, table.chunks[1]);
    }

    function test_KeysThatCancel_zeroSumSubsetHasNoQuorum() public {
        (IAttesterSet set, Table memory table, bytes memory cancelling) = _deployWithCancellingQuorum();
        vm.assertGt(3 * _stake(table, cancelling), 2 * uint256(table.totalStake), "its stake alone would do");
        bytes memory proof = _proof(table, cancelling, DIGEST);
        vm.expectRevert(IAttesterSet.PointAtInfinity.selector);
        set.verify(DIGEST, proof);
    }

    function test_BitmapMalleability_lengthIsExact() public {
        Table memory table = _equalTable(FIRST_EPOCH, 9);
        IAttesterSet set = _deployLoaded(table);
        bytes memory proof = _proof(table, _all(table), DIGEST);
        set.verify(DIGEST, proof);
        vm.expectRevert(IAttesterSet.ProofMalformed.selector);
        set.verify(DIGEST, bytes.concat(proof, hex"00"));
        bytes memory shorter = _proof(table, _first(table, 8), DIGEST);
        assembly ("memory-safe") {
            mstore(shorter, sub(mload(shorter), 1))
        }
        vm.expectRevert(IAttesterSet.ProofMalformed.selector);
        set.verify(DIGEST, shorter);
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_BitmapMalleability_paddingIsZero(uint8 members, uint8 padding) public {
        uint256 count = 4 + members % 20;
        if (count % 8 == 0) ++count;
        Table memory table = _equalTable(FIRST_EPOCH, count);
        IAttesterSet set = _deployLoaded(table);
        bytes memory bitmap = _all(table);
        bytes memory signature = _sign(table, bitmap, DIGEST);
        uint8 unused = type(uint8).max >> (count % 8);
        padding = uint8(1 + padding % unused);
        bitmap[bitmap.length - 1] |= bytes1(padding);
        vm.expectRevert(IAttesterSet.ProofMalformed.selector);
        set.verify(DIGEST, abi.encodePacked(FIRST_EPOCH, signature, bitmap));
    }

    /// @dev Whoever's bit is set or cleared without its signature: the sum no longer matches.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_BitmapMalleability_anyOtherBitmapRefused(uint256 flips) public {
        Table memory table = _equalTable(FIRST_EPOCH, 16);
        IAttesterSet set = _deployLoaded(table);
        bytes memory signed = _first(table, 13);
        bytes memory signature = _sign(table, signed, DIGEST);
        bytes memory bitmap = abi.encodePacked(uint16(bytes2(signed)) ^ uint16(1 + flips % 0xffff));
        vm.expectRevert();
        set.verify(DIGEST, abi.encodePacked(FIRST_EPOCH, signature, bitmap));
    }

    function test_CallerChoosesParameters_onlyStoredConstantsCount() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deploy(table);
        Table memory own = _equalTable(FIRST_EPOCH, 4);
        vm.expectRevert(IAttesterSet.HeaderInvalid.selector);
        set.loadChunk(own.header, 0, own.chunks[0]);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.ChunkInvalid.selector, 0));
        set.loadChunk(table.header, 0, own.chunks[0]);
        own.epoch = FIRST_EPOCH + 1;
        Tables.seal(own);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochUnknown.selector, FIRST_EPOCH + 1));
        set.loadChunk(own.header, 0, own.chunks[0]);
    }

    /// @dev Stakes 10 of 30 members: 20 of them are two thirds. Then one unit of stake more and less.
    function test_WrongDenominator_exactlyTwoThirdsAndOneBesides() public {
        for (uint96 extra = 0; extra < 3; ++extra) {
            uint96[] memory stakes = new uint96[](30);
            for (uint256 i = 0; i < 30; ++i) {
                stakes[i] = 10;
            }
            Table memory table = _table(FIRST_EPOCH, stakes);
            // Among the signers one holds 9, 10 or 11, and an absentee what keeps the total at 300.
            table.members[0].stake = 9 + extra;
            table.members[29].stake = 11 - extra;
            table = Tables.encode(FIRST_EPOCH, table.members);
            IAttesterSet set = _deployLoaded(table);
            bytes memory proof = _proof(table, _first(table, 20), DIGEST);
            if (extra < 2) {
                vm.expectRevert(abi.encodeWithSelector(IAttesterSet.QuorumNotReached.selector, 199 + extra, 300));
            }
            set.verify(DIGEST, proof);
        }
    }

    /// @dev The largest table of the largest stakes; 800 of 1,200 are exactly two thirds.
    function test_Overflow_maximalStakes() public {
        uint96[] memory stakes = new uint96[](1_200);
        for (uint256 i = 0; i < stakes.length; ++i) {
            stakes[i] = type(uint96).max;
        }
        Table memory table = _table(FIRST_EPOCH, stakes);
        IAttesterSet set = _deployLoaded(table);
        uint256 total = 1_200 * uint256(type(uint96).max);
        vm.assertEq(set.epoch(FIRST_EPOCH).totalStake, total, "total");
        bytes memory proof = _proof(table, _first(table, 800), DIGEST);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.QuorumNotReached.selector, total / 3 * 2, total));
        set.verify(DIGEST, proof);
        set.verify(DIGEST, _proof(table, _first(table, 801), DIGEST));
    }

    function test_ZeroQuorum_emptyProofEmptyBitmapNoSigners() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        vm.expectRevert(IAttesterSet.ProofMalformed.selector);
        set.verify(0, "");
        vm.expectRevert(IAttesterSet.ProofMalformed.selector);
        set.verify(0, abi.encodePacked(FIRST_EPOCH, INFINITY_SIGNATURE));
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.QuorumNotReached.selector, 0, 50));
        set.verify(0, abi.encodePacked(FIRST_EPOCH, INFINITY_SIGNATURE, hex"00"));
    }

    /// @dev A digest holds for itself alone; that every field of a commitment enters it is the gateway's test.
    /// forge-config: default.fuzz.runs = 32
    function testFuzz_Replay_anyOtherDigestRefused(bytes32 signed, bytes32 other) public {
        vm.assume(signed != other);
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        bytes memory proof = _proof(table, _first(table, 4), signed);
        vm.expectRevert(IAttesterSet.SignatureInvalid.selector);
        set.verify(other, proof);
        set.verify(signed, proof);
        vm.expectRevert(IAttesterSet.SignatureInvalid.selector);
        set.verify(other, proof);
    }

    /// @dev A point that the pairing refuses burns what it was given: about its price, not the caller's gas.
    function test_GasBurntOnInvalidPoint_signatureIsBounded() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        bytes memory proof = abi.encodePacked(FIRST_EPOCH, Curve.pack(Curve.OUTSIDE_G1), _all(table));
        _assertGasBurnt(set, abi.encodeCall(set.verify, (DIGEST, proof)), 250_000);
    }

    function test_GasBurntOnInvalidPoint_tableIsBounded() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        table.members[4].key = Curve.pack(Curve.OUTSIDE_G2);
        table = Tables.build(FIRST_EPOCH, table.members);
        IAttesterSet set = _deploy(table);
        _assertGasBurnt(set, abi.encodeCall(set.loadChunk, (table.header, 0, table.chunks[0])), 150_000);
    }

    function _assertGasBurnt(IAttesterSet set, bytes memory call, uint256 most) private {
        uint256 before = gasleft();
        (bool ok, bytes memory reason) = address(set).call{gas: 20_000_000}(call);
        uint256 burnt = before - gasleft();
        vm.assertFalse(ok, "accepted");
        vm.assertTrue(bytes4(reason) == bytes4(keccak256("PrecompileFailed(address)")), "for another reason");
        vm.assertLt(burnt, most, "gas burnt");
    }

    /// @dev Members whose secrets add up to zero, holding 10 each.
    function _cancelling(uint256 count) private view returns (Member[] memory members) {
        members = new Member[](count);
        uint256 sum;
        for (uint256 i = 0; i < count - 1; ++i) {
            members[i] = Tables.member(1_000 + i * i, 10);
            sum += members[i].secret;
        }
        members[count - 1] = Tables.member(Curve.ORDER - sum, 10);
    }

    /// @dev Five of seven members cancel, and hold 50 of 70.
    function _deployWithCancellingQuorum()
        private
        returns (IAttesterSet set, Table memory table, bytes memory cancelling)
    {
        Member[] memory members = new Member[](7);
        Member[] memory five = _cancelling(5);
        for (uint256 i = 0; i < 5; ++i) {
            members[i] = five[i];
        }
        members[5] = Tables.member(77, 10);
        members[6] = Tables.member(78, 10);
        table = Tables.build(FIRST_EPOCH, members);
        set = _deployLoaded(table);
        cancelling = _none(table);
        for (uint256 i = 0; i < 7; ++i) {
            if (table.members[i].secret != 77 && table.members[i].secret != 78) _add(cancelling, i);
        }
    }

    function _expectPrecompileFailure(Table memory table, uint160 precompile) private {
        IAttesterSet set = _deploy(table);
        vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(precompile)));
        set.loadChunk(table.header, 0, table.chunks[0]);
    }

    function _expectKeyOutOfOrder(Table memory table, uint256 member) private {
        IAttesterSet set = _deploy(table);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.KeyOutOfOrder.selector, member));
        set.loadChunk(table.header, 0, table.chunks[0]);
    }
}
