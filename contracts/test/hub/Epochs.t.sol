// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {IHub} from "../../src/interfaces/IHub.sol";
import {Attesters} from "../support/Attesters.sol";
import {Curve} from "../support/Curve.sol";
import {Log, Logs, vmLogs} from "../support/Logs.sol";
import {Member, Table, Tables} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";
import {Sent} from "../support/Wire.sol";

/// @title The next epoch is exactly the attesters with stake, and every chain hears of it in time
contract HubEpochsTest is Attesters {
    using Logs for Log[];

    uint64 private constant ACTIVE = START + OVERLAP;
    uint64 private constant EXPIRES = ACTIVE + 30 days;

    function setUp() public {
        _setUpContracts();
        _setUpAttesters();
        vmLogs.recordLogs();
        _register(hub, 0);
        _register(a, 1);
        _deliverAll(_allSent());
    }

    function test_epochIsClosedAnnouncedAndHeardOf() public {
        Table memory table = _staff(_equal(5));
        _close(table);
        _allSent();
        _announce(table.hash, ACTIVE, EXPIRES);
        Log[] memory logs = vmLogs.getRecordedLogs();
        Log memory log = _byRegistry(logs);
        vm.assertEq(log.topics[1], bytes32(uint256(2)), "epoch");
        vm.assertEq(log.data, abi.encode(table.hash, ACTIVE, EXPIRES), "table and times");
        Sent memory sent =
            _readMessage(logs.last(keccak256("MessageSent(bytes32,bytes,bytes,bytes,uint256,bytes[])")), hub, a);
        _deliver(hub, a, sent);
        _heard(hub, table.hash);
        _heard(a, table.hash);
    }

    /// @dev What the registry lets through, an AttesterSet loads: both read one format.
    function test_closedTableLoadsEverywhere() public {
        Table memory table = _staff(_equal(121));
        _close(table);
        IAttesterSet.FirstEpoch memory first = IAttesterSet.FirstEpoch(2, table.hash, ACTIVE, EXPIRES);
        bytes memory arguments = abi.encode(_network(), hub.id, hub.gateway, hub.agent, COUNCIL, first);
        IAttesterSet set = IAttesterSet(vm.deployCode("AttesterSet.sol:AttesterSet", arguments));
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            set.loadChunk(table.header, i, table.chunks[i]);
        }
        vm.assertEq(set.epoch(2).members, 121, "loaded");
    }

    function test_lateChainHearsOfTheNewestEpoch() public {
        Table memory table = _staff(_equal(4));
        _close(table);
        _announce(table.hash, ACTIVE, EXPIRES);
        _allSent();
        _register(b, 2);
        _deliverAll(_allSent());
        _heard(b, table.hash);
    }

    function test_whoLeftIsNoMember() public {
        Table memory table = _staff(_equal(6));
        _stake(2, 0);
        _refuseChunk(table, IHub.TableNotCurrent.selector);
        Member[] memory rest = new Member[](5);
        uint256 count;
        for (uint256 i = 0; i < 6; ++i) {
            if (table.members[i].secret != _secret(2)) rest[count++] = table.members[i];
        }
        _close(Tables.build(2, rest));
    }

    function test_fewerThanFourAreNoEpoch() public {
        _refuseChunk(_staff(_equal(3)), IAttesterSet.MembersOutOfRange.selector);
    }

    function test_oneWithAThirdIsNoEpoch() public {
        uint96[] memory amounts = _equal(4);
        amounts[3] = 15;
        Table memory table = _staff(amounts);
        _refuseChunk(table, IHub.EntryInvalid.selector);
        _stake(3, 14);
        amounts[3] = 14;
        for (uint256 i = 0; i < 4; ++i) {
            if (table.members[i].stake == 15) table.members[i].stake = 14;
        }
        _close(Tables.build(2, table.members));
    }

    function test_missingOrForeignMemberIsRefused() public {
        Table memory table = _staff(_equal(5));
        Member[] memory four = new Member[](4);
        for (uint256 i = 0; i < 4; ++i) {
            four[i] = table.members[i];
        }
        _refuseChunk(Tables.build(2, four), IHub.TableNotCurrent.selector);
        // Nobody's key; the other half of a member's; another member's again.
        Member memory last = table.members[4];
        _refuseChunk(_withLast(table, Tables.member(12_345, 10)), IHub.EntryInvalid.selector);
        _refuseChunk(_withLast(table, Tables.member(Curve.ORDER - last.secret, 10)), IHub.EntryInvalid.selector);
        _refuseChunk(_withLast(table, table.members[3]), IHub.KeyOutOfOrder.selector);
    }

    function test_wrongStakeIsRefused() public {
        uint96[] memory amounts = _equal(5);
        (amounts[0], amounts[1]) = (9, 11);
        Table memory table = _staff(amounts);
        for (uint256 i = 0; i < 5; ++i) {
            table.members[i].stake = 10;
        }
        _refuseChunk(Tables.build(2, table.members), IHub.EntryInvalid.selector);
    }

    function test_wrongNumberOrTotalIsRefused() public {
        Table memory table = _staff(_equal(5));
        _refuseChunk(Tables.build(1, table.members), IHub.TableNotCurrent.selector);
        _refuseChunk(Tables.build(3, table.members), IHub.TableNotCurrent.selector);
        table.totalStake = 51;
        Tables.seal(table);
        _refuseChunk(table, IHub.TableNotCurrent.selector);
    }

    /// @dev Any other bytes, with a header that fits them.
    function testFuzz_tableIsExactlyTheRegistrys(uint256 place, uint8 change) public {
        Table memory table = _staff(_equal(4));
        if (change == 0) change = 1;
        table.chunks[0][place % table.chunks[0].length] ^= bytes1(change);
        Tables.seal(table);
        vm.expectRevert();
        registry.closeEpoch(table.header, 0, table.chunks[0]);
    }

    function test_chunksAreCheckedInOrderAndOnce() public {
        Table memory table = _staff(_equal(121));
        _refuseChunkAt(table, 1, IHub.ChunkOutOfOrder.selector);
        registry.closeEpoch(table.header, 0, table.chunks[0]);
        _refuseChunkAt(table, 0, IHub.ChunkOutOfOrder.selector);
        _refuseAnnounce(table.hash, ACTIVE, EXPIRES, IHub.TableNotChecked.selector);
        registry.closeEpoch(table.header, 1, table.chunks[1]);
        _refuseChunkAt(table, 1, IHub.ChunkOutOfOrder.selector);
        _announce(table.hash, ACTIVE, EXPIRES);
    }

    /// @dev What was checked before a stake changed says nothing any more, even if the stake is what it was again.
    function test_staleTableIsNotAnnounced() public {
        Table memory table = _staff(_equal(121));
        registry.closeEpoch(table.header, 0, table.chunks[0]);
        _stake(0, 11);
        _refuseChunkAt(table, 1, IHub.TableNotCurrent.selector);
        _stake(0, 10);
        _refuseChunkAt(table, 1, IHub.ChunkOutOfOrder.selector);
        _close(table);
        _stake(0, 11);
        _refuseAnnounce(table.hash, ACTIVE, EXPIRES, IHub.TableNotChecked.selector);
        _stake(0, 10);
        _refuseAnnounce(table.hash, ACTIVE, EXPIRES, IHub.TableNotChecked.selector);
        _close(table);
        _announce(table.hash, ACTIVE, EXPIRES);
        _refuseAnnounce(table.hash, ACTIVE, EXPIRES, IHub.TableNotChecked.selector);
    }

    /// @dev One overlap ahead, no gap after the epoch before it, and 30 days at least.
    function test_timesAreBounded() public {
        Table memory table = _staff(_equal(4));
        _close(table);
        uint64 end = START + 40 days;
        _refuseAnnounce(table.hash, ACTIVE - 1, EXPIRES, IHub.EpochTimesInvalid.selector);
        _refuseAnnounce(table.hash, ACTIVE, EXPIRES - 1, IHub.EpochTimesInvalid.selector);
        _refuseAnnounce(table.hash, end + 1, end + 40 days, IHub.EpochTimesInvalid.selector);
        _refuseAnnounce(table.hash, type(uint64).max, type(uint64).max, IHub.EpochTimesInvalid.selector);
        _announce(table.hash, end, end + 30 days);
    }

    function test_afterAnExpiredEpochTheNextBeginsAtOnce() public {
        Table memory table = _staff(_equal(4));
        _close(table);
        vm.warp(START + 50 days);
        uint64 earliest = START + 50 days + OVERLAP;
        _refuseAnnounce(table.hash, earliest + 1, earliest + 40 days, IHub.EpochTimesInvalid.selector);
        _announce(table.hash, earliest, earliest + 30 days);
    }

    /// @dev The table with another fifth member.
    function _withLast(Table memory table, Member memory last) private pure returns (Table memory) {
        Member[] memory members = new Member[](5);
        for (uint256 i = 0; i < 5; ++i) {
            members[i] = i == 4 ? last : table.members[i];
        }
        return Tables.build(2, members);
    }

    function _announce(bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) private {
        _on(hub, STAKER);
        registry.announceEpoch(tableHash, activatesAt, expiresAt);
    }

    function _refuseAnnounce(bytes32 tableHash, uint64 activatesAt, uint64 expiresAt, bytes4 reason) private {
        _on(hub, STAKER);
        _refuse(abi.encodeCall(registry.announceEpoch, (tableHash, activatesAt, expiresAt)), reason);
    }

    function _refuseChunk(Table memory table, bytes4 reason) private {
        _refuseChunkAt(table, 0, reason);
    }

    function _refuseChunkAt(Table memory table, uint256 index, bytes4 reason) private {
        vm.chainId(hub.id);
        _refuse(abi.encodeCall(registry.closeEpoch, (table.header, index, table.chunks[index])), reason);
    }

    function _refuse(bytes memory call, bytes4 reason) private {
        (bool ok, bytes memory answer) = address(registry).call(call);
        vm.assertFalse(ok, "done");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(reason), "reason");
    }

    function _heard(Chain memory chain, bytes32 expected) private view {
        (uint64 epoch, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) = chain.attesters.announced();
        vm.assertEq(epoch, 2, "number");
        vm.assertEq(tableHash, expected, "table");
        vm.assertEq(activatesAt, ACTIVE, "from");
        vm.assertEq(expiresAt, EXPIRES, "until");
    }

    function _byRegistry(Log[] memory logs) private view returns (Log memory log) {
        log = logs.last(IHub.EpochAnnounced.selector);
        vm.assertEq(log.emitter, address(registry), "by the registry");
    }
}
