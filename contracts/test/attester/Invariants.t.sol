// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Table} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title What may happen to an AttesterSet, in any order
/// @dev Keeps a model beside it: which epochs were announced, with what, and which are loaded.
contract AttesterSetHandler is AttesterSetFixture {
    struct Model {
        bool announced;
        bool loaded;
        uint64 activatesAt;
        uint64 expiresAt;
    }

    uint64 public constant EPOCHS = 6;

    IAttesterSet public set;
    uint64 public newest;
    mapping(uint64 epoch => Model) public models;

    function start() external {
        _setUpBls();
        set = _deploy(_tableOf(0));
        models[0] = Model(true, false, START, START + 40 days);
        vm.etch(COUNCIL, abi.encodePacked(hex"7f", uint256(7 days), hex"5f5260205ff3"));
    }

    function wait(uint24 time) external {
        vm.warp(block.timestamp + time % 10 days);
    }

    function announce(uint64 epoch, uint24 delay, uint24 extra) external {
        epoch = epoch % EPOCHS;
        (uint64 from, uint64 to) = _life(delay, extra);
        bytes32 hash = _tableOf(epoch).hash;
        vm.prank(HUB_AGENT);
        set.announce(epoch, hash, from, to);
        if (epoch > newest) _model(epoch, from, to);
    }

    function recover(uint64 epoch, uint24 delay, uint24 extra) external {
        epoch = epoch % EPOCHS;
        (uint64 from, uint64 to) = _life(delay, extra);
        bool may = block.timestamp >= models[newest].expiresAt && epoch > newest;
        bytes32 hash = _tableOf(epoch).hash;
        vm.prank(COUNCIL);
        try set.recover(epoch, hash, from, to) {
            vm.assertTrue(may, "recovered too early");
            _model(epoch, from, to);
        } catch {
            vm.assertFalse(may, "could not recover");
        }
    }

    function load(uint64 epoch) external {
        epoch = epoch % EPOCHS;
        Table memory table = _tableOf(epoch);
        bool may = models[epoch].announced && !models[epoch].loaded;
        try set.loadChunk(table.header, 0, table.chunks[0]) {
            vm.assertTrue(may, "loaded");
            models[epoch].loaded = true;
        } catch {
            vm.assertFalse(may, "not loaded");
        }
    }

    /// @dev A proof holds if and only if the model says so. At most two of five are absent, since four are a quorum.
    function verify(uint64 epoch, uint8 absent, uint8 other, bool forged, bytes32 digest) external {
        epoch = epoch % EPOCHS;
        Table memory table = _tableOf(epoch);
        bytes memory bitmap =
            abi.encodePacked(bytes1(0xf8) & ~(bytes1(0x80) >> (absent % 8) | bytes1(0x80) >> (other % 8)));
        bytes memory proof = _proof(table, bitmap, forged ? keccak256(abi.encode(digest)) : digest);
        Model memory model = models[epoch];
        bool inForce = model.loaded && block.timestamp >= model.activatesAt && block.timestamp < model.expiresAt;
        bool holds = inForce && !forged && 3 * _stake(table, bitmap) > 2 * uint256(table.totalStake);
        try set.verify(digest, proof) {
            vm.assertTrue(holds, "accepted");
        } catch {
            vm.assertFalse(holds, "refused");
        }
    }

    /// @dev Five members, the same whenever asked.
    function _tableOf(uint64 epoch) private view returns (Table memory) {
        return _equalTable(epoch, 5);
    }

    function _life(uint24 delay, uint24 extra) private view returns (uint64 from, uint64 to) {
        from = uint64(block.timestamp) + delay % 5 days;
        to = from + 30 days + extra % 20 days;
    }

    function _model(uint64 epoch, uint64 from, uint64 to) private {
        models[epoch] = Model(true, false, from, to);
        newest = epoch;
    }
}

contract AttesterSetInvariants {
    AttesterSetHandler private handler;

    function setUp() public {
        handler = new AttesterSetHandler();
        handler.start();
    }

    /// @dev What Foundry calls, at random: the handler's five acts and nothing else.
    struct FuzzSelector {
        address target;
        bytes4[] selectors;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = handler.wait.selector;
        selectors[1] = handler.announce.selector;
        selectors[2] = handler.recover.selector;
        selectors[3] = handler.load.selector;
        selectors[4] = handler.verify.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// @dev The set knows what was announced, no more: epochs never go back, and none changes once announced.
    function invariant_epochsAreAsAnnounced() external view {
        IAttesterSet set = handler.set();
        vm.assertEq(set.newestEpoch(), handler.newest(), "newest");
        for (uint64 i = 0; i < handler.EPOCHS(); ++i) {
            (bool announced, bool loaded, uint64 activatesAt, uint64 expiresAt) = handler.models(i);
            IAttesterSet.Epoch memory epoch = set.epoch(i);
            vm.assertTrue((epoch.tableHash != 0) == announced, "announced");
            vm.assertEq(epoch.members, loaded ? 5 : 0, "members");
            vm.assertEq(epoch.totalStake, loaded ? 50 : 0, "total");
            vm.assertEq(epoch.activatesAt, activatesAt, "activates at");
            vm.assertEq(epoch.expiresAt, expiresAt, "expires at");
        }
    }
}
