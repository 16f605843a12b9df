// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Table, Tables} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title Joining a chain, and bringing a table
contract AttesterSetTest is AttesterSetFixture {
    function setUp() public {
        _setUpBls();
    }

    function test_constructionFixesEverything() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deploy(table);
        vm.assertEq(set.network(), NETWORK, "network");
        vm.assertEq(set.hubChainId(), HUB_CHAIN, "hub chain");
        vm.assertEq(set.hubGateway(), HUB_GATEWAY, "hub gateway");
        vm.assertEq(set.hubAgent(), HUB_AGENT, "hub agent");
        vm.assertEq(set.council(), COUNCIL, "council");
        vm.assertEq(set.newestEpoch(), FIRST_EPOCH, "newest");
        _assertEpoch(set, table, START, START + 40 days, 0);
    }

    function test_constructionRefusesZeroes() public {
        IAttesterSet.FirstEpoch memory first = IAttesterSet.FirstEpoch(1, bytes32(uint256(1)), START, START + 30 days);
        _expectRefusal(abi.encode(bytes32(0), HUB_CHAIN, HUB_GATEWAY, HUB_AGENT, COUNCIL, first));
        _expectRefusal(abi.encode(NETWORK, 0, HUB_GATEWAY, HUB_AGENT, COUNCIL, first));
        _expectRefusal(abi.encode(NETWORK, HUB_CHAIN, 0, HUB_AGENT, COUNCIL, first));
        _expectRefusal(abi.encode(NETWORK, HUB_CHAIN, HUB_GATEWAY, 0, COUNCIL, first));
        _expectRefusal(abi.encode(NETWORK, HUB_CHAIN, HUB_GATEWAY, HUB_AGENT, 0, first));
    }

    function test_epochLivesAtLeastThirtyDaysAndHasATable() public {
        IAttesterSet set = _deploy(_equalTable(FIRST_EPOCH, 5));
        bytes32 hash = bytes32(uint256(5));
        uint64 expiresAt = START + 30 days;
        vm.startPrank(HUB_AGENT);
        _expectEpochInvalid(hash, START, expiresAt - 1);
        set.announce(8, hash, START, expiresAt - 1);
        _expectEpochInvalid(0, START, expiresAt);
        set.announce(8, 0, START, expiresAt);
        _expectEpochInvalid(hash, type(uint64).max, type(uint64).max);
        set.announce(8, hash, type(uint64).max, type(uint64).max);
        set.announce(8, hash, START, expiresAt);
        vm.assertEq(set.newestEpoch(), 8, "newest");
    }

    function test_loadingLogsAndKeepsTheTable() public {
        Table memory table = _equalTable(FIRST_EPOCH, 130);
        IAttesterSet set = _deploy(table);
        vm.expectEmit(true, true, true, true, address(set));
        emit IAttesterSet.ChunkLoaded(FIRST_EPOCH, 0);
        set.loadChunk(table.header, 0, table.chunks[0]);
        _assertEpoch(set, table, START, START + 40 days, 1);

        vm.expectEmit(true, true, true, true, address(set));
        emit IAttesterSet.ChunkLoaded(FIRST_EPOCH, 1);
        vm.expectEmit(true, true, true, true, address(set));
        emit IAttesterSet.EpochLoaded(FIRST_EPOCH, 130, 1_300);
        set.loadChunk(table.header, 1, table.chunks[1]);
        _assertEpoch(set, table, START, START + 40 days, 2);
    }

    function test_chunksAreLoadedInOrderOnceEach() public {
        Table memory table = _equalTable(FIRST_EPOCH, 130);
        IAttesterSet set = _deploy(table);
        _expectOutOfOrder(1, 0);
        set.loadChunk(table.header, 1, table.chunks[1]);
        _load(set, table);
        _expectOutOfOrder(1, 2);
        set.loadChunk(table.header, 1, table.chunks[1]);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.ChunkInvalid.selector, 2));
        set.loadChunk(table.header, 2, table.chunks[1]);
    }

    function test_proofNeedsTheWholeTable() public {
        Table memory table = _equalTable(FIRST_EPOCH, 130);
        IAttesterSet set = _deploy(table);
        bytes memory proof = _proof(table, _first(table, 120), DIGEST);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochNotLoaded.selector, FIRST_EPOCH));
        set.verify(DIGEST, proof);
        // The sum of the first chunk is remembered by now, and is a quorum's.
        set.loadChunk(table.header, 0, table.chunks[0]);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochNotLoaded.selector, FIRST_EPOCH));
        set.verify(DIGEST, proof);
        set.loadChunk(table.header, 1, table.chunks[1]);
        set.verify(DIGEST, proof);
    }

    function test_headerIsExact() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        bytes memory header = table.header;
        _expectHeaderInvalid(table, bytes.concat(header, hex"00"));
        _expectHeaderInvalid(table, bytes.concat(header, bytes32(0)));
        _expectHeaderInvalid(table, hex"");
        bytes memory mutated = bytes.concat(header);
        mutated[0] ^= 0x01;
        _expectHeaderInvalid(table, mutated);
        mutated[0] ^= 0x01;
        mutated[32] = 0x02;
        _expectHeaderInvalid(table, mutated);
    }

    function test_tableHasFourToTwelveHundredMembers() public {
        uint16[3] memory wrong = [uint16(0), 3, 1_201];
        for (uint256 i = 0; i < wrong.length; ++i) {
            Table memory table = _equalTable(FIRST_EPOCH, 5);
            bytes32 tag = keccak256("metalayer/table");
            bytes memory hashes = new bytes(32 * ((uint256(wrong[i]) + 119) / 120));
            table.header = abi.encodePacked(tag, uint8(1), table.epoch, wrong[i], table.totalStake, hashes);
            table.hash = keccak256(table.header);
            IAttesterSet set = _deploy(table);
            vm.expectRevert(abi.encodeWithSelector(IAttesterSet.MembersOutOfRange.selector, wrong[i]));
            set.loadChunk(table.header, 0, table.chunks[0]);
        }
    }

    function test_chunkHasItsExactLength() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        table.chunks[0] = bytes.concat(table.chunks[0], new bytes(204));
        Tables.seal(table);
        IAttesterSet set = _deploy(table);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.ChunkInvalid.selector, 0));
        set.loadChunk(table.header, 0, table.chunks[0]);
    }

    function test_keysAscend() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        (table.members[3], table.members[4]) = (table.members[4], table.members[3]);
        table = Tables.encode(FIRST_EPOCH, table.members);
        IAttesterSet set = _deploy(table);
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.KeyOutOfOrder.selector, 4));
        set.loadChunk(table.header, 0, table.chunks[0]);
    }

    function test_stakesAreAtLeastOneAndBelowAThird() public {
        _expectStakeOutOfRange(_stakes(10, 7, 6, 6, 1), 10);
        _expectStakeOutOfRange(_stakes(8, 8, 8, 8, 0), 0);
        _expectStakeOutOfRange(_stakes(1, 1, 1, 1, 70), 70);
        _deployLoaded(_table(FIRST_EPOCH, _stakes(10, 7, 7, 6, 1)));
    }

    function test_totalIsRecomputed() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        for (uint256 i = 0; i < 2; ++i) {
            table.totalStake = i == 0 ? 49 : 51;
            Tables.seal(table);
            IAttesterSet set = _deploy(table);
            vm.expectRevert(abi.encodeWithSelector(IAttesterSet.TotalStakeWrong.selector, 50, table.totalStake));
            set.loadChunk(table.header, 0, table.chunks[0]);
        }
    }

    /// @dev What is stored does nothing when called, and its address follows from epoch and bitmap.
    function test_sumOfAllIsRememberedAtLoad() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        IAttesterSet set = _deployLoaded(table);
        address at = _sumAddress(set, FIRST_EPOCH, _all(table));
        vm.assertEq(at.code.length, 209, "code");
        vm.assertEq(bytes32(bytes1(at.code[0])), bytes32(0), "STOP first");
        (bool ok, bytes memory answer) = at.call(hex"ffffffff");
        vm.assertTrue(ok && answer.length == 0, "does something");
    }

    function _assertEpoch(IAttesterSet set, Table memory table, uint64 activatesAt, uint64 expiresAt, uint256 chunks)
        private
        view
    {
        IAttesterSet.Epoch memory epoch = set.epoch(table.epoch);
        bool loaded = chunks == table.chunks.length;
        vm.assertEq(epoch.tableHash, table.hash, "table hash");
        vm.assertEq(epoch.activatesAt, activatesAt, "activates at");
        vm.assertEq(epoch.expiresAt, expiresAt, "expires at");
        vm.assertEq(epoch.chunks, chunks, "chunks");
        vm.assertEq(epoch.members, loaded ? table.members.length : 0, "members");
        vm.assertEq(epoch.totalStake, loaded ? table.totalStake : 0, "total stake");
    }

    function _expectRefusal(bytes memory arguments) private {
        vm.expectRevert(IAttesterSet.ZeroArgument.selector);
        this.deploy(arguments);
    }

    function _expectEpochInvalid(bytes32 hash, uint64 activatesAt, uint64 expiresAt) private {
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.EpochInvalid.selector, hash, activatesAt, expiresAt));
    }

    function _expectOutOfOrder(uint256 index, uint256 next) private {
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.ChunkOutOfOrder.selector, index, next));
    }

    /// @dev Even if such a header's hash was announced, unless its hash alone is wrong.
    function _expectHeaderInvalid(Table memory table, bytes memory header) private {
        table.hash = keccak256(header);
        IAttesterSet set = _deploy(table);
        vm.expectRevert(IAttesterSet.HeaderInvalid.selector);
        set.loadChunk(header, 0, table.chunks[0]);
    }

    function _stakes(uint96 a, uint96 b, uint96 c, uint96 d, uint96 e) private pure returns (uint96[] memory stakes) {
        stakes = new uint96[](5);
        (stakes[0], stakes[1], stakes[2], stakes[3], stakes[4]) = (a, b, c, d, e);
    }

    /// @dev Where the member with the wrong stake stands follows from its key.
    function _expectStakeOutOfRange(uint96[] memory stakes, uint256 wrong) private {
        Table memory table = _table(FIRST_EPOCH, stakes);
        IAttesterSet set = _deploy(table);
        uint256 member;
        while (table.members[member].stake != wrong) ++member;
        vm.expectRevert(abi.encodeWithSelector(IAttesterSet.StakeOutOfRange.selector, member, wrong));
        set.loadChunk(table.header, 0, table.chunks[0]);
    }
}
