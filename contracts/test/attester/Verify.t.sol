// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Curve} from "../support/Curve.sol";
import {Table, Tables} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title Quorum proofs that hold, and what is remembered of them
contract VerifyTest is AttesterSetFixture {
    function setUp() public {
        _setUpBls();
    }

    /// @dev Any signers of any table: the proof holds if and only if they have more than two thirds, first and again.
    /// forge-config: default.fuzz.runs = 48
    function testFuzz_holdsWithMoreThanTwoThirdsOnly(uint8 size, uint256 signers, uint256 seed) public {
        Table memory table = Tables.random(FIRST_EPOCH, 5 + size % 60, seed);
        IAttesterSet set = _deployLoaded(table);
        bytes memory bitmap = _none(table);
        for (uint256 i = 0; i < table.members.length; ++i) {
            // Three of four sign on average, so that both outcomes are common.
            if ((signers >> (2 * i)) & 3 != 0) _add(bitmap, i);
        }
        bytes memory proof = _proof(table, bitmap, DIGEST);
        bool holds = 3 * _stake(table, bitmap) > 2 * uint256(table.totalStake);
        for (uint256 i = 0; i < 2; ++i) {
            if (!holds) vm.expectRevert(_notReached(table, bitmap));
            set.verify(DIGEST, proof);
            vm.assertTrue((_sumAddress(set, FIRST_EPOCH, bitmap).code.length != 0) == holds, "remembered");
        }
    }

    /// @dev What is remembered is the sum of the signers' keys and stakes, whichever way it was computed.
    function test_remembersTheRightSum() public {
        // Ten members, of whom three hold the most: three sign (added), or seven (subtracted).
        uint96[] memory stakes = new uint96[](10);
        for (uint256 i = 0; i < 10; ++i) {
            stakes[i] = i < 3 ? 1_000 : 100;
        }
        Table memory table = _table(FIRST_EPOCH, stakes);
        IAttesterSet set = _deployLoaded(table);
        (bytes memory few, bytes memory many) = (_none(table), _all(table));
        uint256 absent;
        for (uint256 i = 0; i < 10; ++i) {
            if (table.members[i].stake == 1_000) _add(few, i);
            else if (absent++ < 3) many[i / 8] ^= bytes1(uint8(1)) << (7 - i % 8);
        }
        _assertRemembers(set, table, few);
        _assertRemembers(set, table, many);
        _assertRemembers(set, table, _all(table));
    }

    function test_rememberedOnlyOnceThePairingHeld() public {
        Table memory table = _equalTable(FIRST_EPOCH, 10);
        IAttesterSet set = _deployLoaded(table);
        bytes memory bitmap = _first(table, 8);
        bytes memory wrong = _proof(table, bitmap, keccak256("something else"));
        vm.expectRevert(IAttesterSet.SignatureInvalid.selector);
        set.verify(DIGEST, wrong);
        vm.assertEq(_sumAddress(set, FIRST_EPOCH, bitmap).code.length, 0, "remembered a refused proof");
        set.verify(DIGEST, _proof(table, bitmap, DIGEST));
        vm.assertEq(_sumAddress(set, FIRST_EPOCH, bitmap).code.length, 209, "remembered");
        vm.expectRevert(IAttesterSet.SignatureInvalid.selector);
        set.verify(DIGEST, wrong);
    }

    /// @dev Nobody can put a sum where the set looks: the address is the set's own, and it answers only while it creates.
    function test_pendingSumIsEmptyBetweenTransactions() public {
        Table memory table = _equalTable(FIRST_EPOCH, 10);
        IAttesterSet set = _deploy(table);
        (bool ok, bytes memory answer) = address(set).call(abi.encodeWithSignature("pendingSum()"));
        vm.assertTrue(ok, "pendingSum");
        vm.assertEq(abi.decode(answer, (bytes)), new bytes(209), "pending");
    }

    /// @dev A proof that cannot pay for remembering reverts whole; the sum's address is not spent.
    function test_outOfGasWhileRememberingSpendsNothing() public {
        Table memory table = _equalTable(FIRST_EPOCH, 10);
        IAttesterSet set = _deployLoaded(table);
        bytes memory bitmap = _first(table, 8);
        bytes memory proof = _proof(table, bitmap, DIGEST);
        for (uint256 gas = 130_000; gas < 260_000; gas += 5_000) {
            try set.verify{gas: gas}(DIGEST, proof) {
                vm.assertEq(_sumAddress(set, FIRST_EPOCH, bitmap).code.length, 209, "remembered");
                return;
            } catch {
                vm.assertEq(_sumAddress(set, FIRST_EPOCH, bitmap).code.length, 0, "half remembered");
            }
        }
        vm.assertTrue(false, "never had enough gas");
    }

    /// @dev Zero is a digest like any other.
    function test_zeroDigest() public {
        Table memory table = _equalTable(FIRST_EPOCH, 4);
        IAttesterSet set = _deployLoaded(table);
        set.verify(0, _proof(table, _first(table, 3), 0));
    }

    function test_signersInEveryChunk() public {
        Table memory table = Tables.random(FIRST_EPOCH, 250, 5);
        IAttesterSet set = _deployLoaded(table);
        _assertRemembers(set, table, _someAbsent(table, 20, 6));
    }

    function _assertRemembers(IAttesterSet set, Table memory table, bytes memory bitmap) private {
        set.verify(DIGEST, _proof(table, bitmap, DIGEST));
        uint256 secret;
        for (uint256 i = 0; i < table.members.length; ++i) {
            if (_contains(bitmap, i)) secret = addmod(secret, table.members[i].secret, Curve.ORDER);
        }
        bytes memory code = abi.encodePacked(hex"00", Curve.pack(Curve.key(secret)), uint128(_stake(table, bitmap)));
        vm.assertEq(_sumAddress(set, FIRST_EPOCH, bitmap).code, code, "remembered sum");
    }

    function _notReached(Table memory table, bytes memory bitmap) private pure returns (bytes memory) {
        uint256 stake = _stake(table, bitmap);
        return abi.encodeWithSelector(IAttesterSet.QuorumNotReached.selector, stake, table.totalStake);
    }
}
