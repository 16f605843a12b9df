// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Table, Tables} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title What 350 attesters cost, and the limits that hold
/// @dev Keys and stakes follow from one seed, so the figures are the same on every run. Each call is a transaction of its
/// own, whose base and calldata are taken off: execution alone counts, with every account and slot cold.
/// forge-config: default.isolate = true
contract AttesterSetGasTest is AttesterSetFixture {
    uint256 private constant SEED = 20_260_801;
    uint256 private constant MEMBERS = 350;
    uint256 private constant REMEMBERED_LIMIT = 130_000;
    /// @dev The most a transaction may use (EIP-7825).
    uint256 private constant TRANSACTION_LIMIT = 1 << 24;
    uint256 private constant TRANSACTION_BASE = 21_000;
    /// @dev The most a byte of calldata may cost (EIP-7623).
    uint256 private constant CALLDATA_GAS = 40;

    IAttesterSet private set;

    function setUp() public {
        _setUpBls();
        set = _deploy(_gasTable());
    }

    function test_Gas_tableIsLoadedBelowTransactionLimit() public {
        Table memory table = _gasTable();
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            set.loadChunk(table.header, i, table.chunks[i]);
            bytes memory call = abi.encodeCall(set.loadChunk, (table.header, i, table.chunks[i]));
            uint256 used = _execution(call);
            vm.assertLt(used + CALLDATA_GAS * call.length + TRANSACTION_BASE, TRANSACTION_LIMIT, "a transaction");
            uint256 members = table.chunks[i].length / 204;
            _record(string.concat("loadChunk ", vm.toString(i), ", ", vm.toString(members), " members"), used);
        }
        vm.assertEq(set.epoch(FIRST_EPOCH).members, MEMBERS, "loaded");
    }

    function test_Gas_verifyRememberedBelowLimit() public {
        Table memory table = _gasTable();
        _load(set, table);
        _checkVerify(table, MEMBERS + 1, "none absent");
        _checkVerify(table, 10, "10 % absent");
        _checkVerify(table, 3, "33 % absent");
    }

    /// @dev Every `nth` member is absent.
    function _checkVerify(Table memory table, uint256 nth, string memory who) private {
        bytes memory bitmap = _none(table);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (i % nth != nth - 1) _add(bitmap, i);
        }
        bytes memory proof = _proof(table, bitmap, DIGEST);
        if (nth <= MEMBERS) _record(string.concat("verify, first time, ", who), _verify(proof));
        uint256 used = _verify(proof);
        _record(string.concat("verify, remembered, ", who), used);
        vm.assertLe(used, REMEMBERED_LIMIT, who);
    }

    function _verify(bytes memory proof) private returns (uint256) {
        set.verify(DIGEST, proof);
        return _execution(abi.encodeCall(set.verify, (DIGEST, proof)));
    }

    /// @dev What the last call used beyond a transaction's base and calldata. In isolation each call is a transaction.
    function _execution(bytes memory call) private view returns (uint256) {
        uint256 calldataGas;
        for (uint256 i = 0; i < call.length; ++i) {
            calldataGas += call[i] == 0 ? 4 : 16;
        }
        return vm.lastCallGas().gasTotalUsed - TRANSACTION_BASE - calldataGas;
    }

    function _record(string memory what, uint256 used) private {
        vm.snapshotValue("AttesterSet", what, used);
    }

    function _gasTable() private view returns (Table memory) {
        return Tables.random(FIRST_EPOCH, MEMBERS, SEED);
    }
}
