// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Table} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @dev OpenZeppelin's TimelockController as the tests use it.
interface ITimelock {
    function schedule(address, uint256, bytes calldata, bytes32, bytes32, uint256 delay) external;
    function execute(address, uint256, bytes calldata, bytes32, bytes32) external payable;
    function updateDelay(uint256 delay) external;
}

/// @title Epochs over time: hand-over, rollback, expiry, recovery
/// @dev Tests in words of docs/security.md are named after its attacks.
contract EpochsTest is AttesterSetFixture {
    uint64 private constant EXPIRY = START + 40 days;

    function setUp() public {
        _setUpBls();
    }

    function test_HandOver_bothEpochsHoldWhileTheyOverlap() public {
        (IAttesterSet set, Table memory old, Table memory next) = _deployWithNext();
        bytes memory oldProof = _proof(old, _all(old), DIGEST);
        bytes memory nextProof = _proof(next, _all(next), DIGEST);
        vm.warp(START + 35 days - 1);
        _expectNotActive(8, START + 35 days);
        set.verify(DIGEST, nextProof);
        set.verify(DIGEST, oldProof);

        vm.warp(START + 35 days);
        set.verify(DIGEST, nextProof);
        set.verify(DIGEST, oldProof);

        vm.warp(EXPIRY - 1);
        set.verify(DIGEST, oldProof);
        vm.warp(EXPIRY);
        _expectExpired(FIRST_EPOCH, EXPIRY);
        set.verify(DIGEST, oldProof);
        set.verify(DIGEST, nextProof);
    }

    function test_StaleEpoch_announcedAfterANewerChangesNothing() public {
        (IAttesterSet set,, Table memory next) = _deployWithNext();
        vm.startPrank(HUB_AGENT);
        set.announce(FIRST_EPOCH, bytes32(uint256(1)), START, START + 90 days);
        set.announce(8, bytes32(uint256(1)), START, START + 90 days);
        set.announce(0, bytes32(uint256(1)), START, START + 90 days);
        // Not even what would be refused: the act must succeed, so that later ones run.
        set.announce(3, 0, START, START);
        vm.assertEq(set.newestEpoch(), 8, "newest");
        vm.assertEq(set.epoch(8).tableHash, next.hash, "newest epoch's table");
        vm.assertEq(set.epoch(3).tableHash, bytes32(0), "unknown epoch");
        vm.assertEq(set.epoch(FIRST_EPOCH).expiresAt, EXPIRY, "older epoch's expiry");
    }

    function test_SetRollback_skippedEpochStaysUnknown() public {
        Table memory old = _equalTable(FIRST_EPOCH, 5);
        Table memory skipped = _equalTable(8, 5);
        IAttesterSet set = _deployLoaded(old);
        vm.startPrank(HUB_AGENT);
        set.announce(9, bytes32(uint256(9)), START, EXPIRY);
        set.announce(8, skipped.hash, START, EXPIRY);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochUnknown.selector, 8));
        set.loadChunk(skipped.header, 0, skipped.chunks[0]);
        bytes memory proof = _proof(skipped, _all(skipped), DIGEST);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochUnknown.selector, 8));
        set.verify(DIGEST, proof);
    }

    function test_FutureEpoch_unknownRefused() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        bytes memory signature = _sign(table, _all(table), DIGEST);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochUnknown.selector, 8));
        set.verify(DIGEST, abi.encodePacked(uint64(8), signature, _all(table)));
    }

    /// @dev One epoch's remembered sum never serves another, whose table has other keys.
    function test_FutureEpoch_rememberedSumsAreAnEpochsOwn() public {
        (IAttesterSet set, Table memory old, Table memory next) = _deployWithNext();
        vm.warp(START + 36 days);
        set.verify(DIGEST, _proof(old, _all(old), DIGEST));
        bytes memory stolen = _sign(old, _all(old), DIGEST);
        vm.expectRevert(IAttesterSet.SignatureInvalid.selector);
        set.verify(DIGEST, abi.encodePacked(uint64(8), stolen, _first(next, 5)));
    }

    /// @dev The chain was down while its epoch expired: exited attesters' keys open nothing when it is back.
    function test_ExitedAttestersOldKeys_expiredEpochReverts() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        bytes memory proof = _proof(table, _all(table), DIGEST);
        set.verify(DIGEST, proof);
        vm.warp(START + 400 days);
        _expectExpired(FIRST_EPOCH, EXPIRY);
        set.verify(DIGEST, proof);
    }

    function test_ExitedAttestersOldKeys_recoverOnlyAfterExpiry() public {
        Table memory old = _equalTable(FIRST_EPOCH, 5);
        Table memory next = _equalTable(8, 6);
        IAttesterSet set = _deployLoaded(old);
        vm.startPrank(COUNCIL);
        vm.etch(COUNCIL, _delayOf(7 days));
        vm.warp(EXPIRY - 1);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochStillValid.selector, FIRST_EPOCH, EXPIRY));
        set.recover(8, next.hash, EXPIRY, EXPIRY + 30 days);

        vm.warp(EXPIRY);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochNotNewer.selector, FIRST_EPOCH, FIRST_EPOCH));
        set.recover(FIRST_EPOCH, next.hash, EXPIRY, EXPIRY + 30 days);
        vm.expectRevert(
            abi.encodeWithSelector(IAttesterSet.EpochInvalid.selector, next.hash, EXPIRY, EXPIRY + 30 days - 1)
        );
        set.recover(8, next.hash, EXPIRY, EXPIRY + 30 days - 1);

        vm.expectEmit(true, true, true, true, address(set));
        emit IAttesterSet.EpochRecovered(8);
        set.recover(8, next.hash, EXPIRY, EXPIRY + 30 days);
        vm.stopPrank();
        _load(set, next);
        set.verify(DIGEST, _proof(next, _all(next), DIGEST));
        bytes memory oldProof = _proof(old, _all(old), DIGEST);
        _expectExpired(FIRST_EPOCH, EXPIRY);
        set.verify(DIGEST, oldProof);
    }

    /// @dev It is the newest epoch that must have expired, not the one in force.
    function test_ExitedAttestersOldKeys_recoverWaitsForTheNewest() public {
        (IAttesterSet set,,) = _deployWithNext();
        vm.etch(COUNCIL, _delayOf(7 days));
        vm.warp(EXPIRY);
        vm.prank(COUNCIL);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochStillValid.selector, 8, START + 70 days));
        set.recover(9, bytes32(uint256(1)), EXPIRY, EXPIRY + 30 days);
    }

    /// @dev The whole way, through OpenZeppelin's timelock.
    function test_ExitedAttestersOldKeys_recoverOnlyThroughItsTimelock() public {
        ITimelock timelock = _deployTimelock(7 days);
        Table memory next = _equalTable(8, 6);
        IAttesterSet set = _deploy(_equalTable(FIRST_EPOCH, 5), address(timelock));
        vm.warp(EXPIRY);
        bytes memory call = abi.encodeCall(set.recover, (8, next.hash, EXPIRY, EXPIRY + 60 days));
        timelock.schedule(address(set), 0, call, 0, 0, 7 days);
        vm.warp(EXPIRY + 7 days - 1);
        vm.expectRevert();
        timelock.execute(address(set), 0, call, 0, 0);
        vm.warp(EXPIRY + 7 days);
        timelock.execute(address(set), 0, call, 0, 0);
        vm.assertEq(set.newestEpoch(), 8, "recovered");
    }

    function test_ExitedAttestersOldKeys_councilMustBeSlow() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        ITimelock fast = _deployTimelock(7 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.CouncilTooFast.selector, fast));
        _deploy(table, address(fast));

        // A council without code may be deployed later, but as an account it recovers nothing; nor if it becomes fast.
        IAttesterSet set = _deploy(table);
        vm.warp(EXPIRY);
        vm.startPrank(COUNCIL);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.CouncilTooFast.selector, COUNCIL));
        set.recover(8, table.hash, EXPIRY, EXPIRY + 30 days);
        vm.etch(COUNCIL, _delayOf(7 days - 1));
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.CouncilTooFast.selector, COUNCIL));
        set.recover(8, table.hash, EXPIRY, EXPIRY + 30 days);
    }

    /// @dev Epoch 7 of five members until day 40, and 8 of six others from day 35 to day 70.
    function _deployWithNext() private returns (IAttesterSet set, Table memory old, Table memory next) {
        (old, next) = (_equalTable(FIRST_EPOCH, 5), _equalTable(8, 6));
        set = _deployLoaded(old);
        vm.prank(HUB_AGENT);
        set.announce(8, next.hash, START + 35 days, START + 70 days);
        _load(set, next);
    }

    function _deployTimelock(uint256 delay) private returns (ITimelock) {
        address[] memory us = new address[](1);
        us[0] = address(this);
        bytes memory arguments = abi.encode(delay, us, us, address(0));
        return ITimelock(vm.deployCode("TimelockController.sol:TimelockController", arguments));
    }

    /// @dev Code that answers any call with one word.
    function _delayOf(uint256 delay) private pure returns (bytes memory) {
        return abi.encodePacked(hex"7f", delay, hex"5f5260205ff3");
    }

    function _expectNotActive(uint64 epoch, uint64 activatesAt) private {
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochNotActive.selector, epoch, activatesAt));
    }

    function _expectExpired(uint64 epoch, uint64 expiresAt) private {
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochExpired.selector, epoch, expiresAt));
    }
}
