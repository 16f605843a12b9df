// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Table} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title Every function that changes state, and who may call it
/// @dev Tests are named after the attacks of docs/security.md.
contract MutatorsTest is AttesterSetFixture {
    /// @dev A mutator with arguments that would pass; `role` zero: anyone.
    struct Mutator {
        string name;
        address role;
        bytes call;
        bytes4 refusal;
        bool needsTable;
    }

    IAttesterSet private set;

    function setUp() public {
        _setUpBls();
        set = _deploy(_equalTable(FIRST_EPOCH, 5));
        vm.etch(COUNCIL, abi.encodePacked(hex"7f", uint256(7 days), hex"5f5260205ff3"));
        vm.warp(START + 40 days);
    }

    /// @dev The ABI lists functions by name; whatever is not a view must stand in the table, in that order.
    function test_PublicMutators_listIsComplete() public view {
        string memory json = vm.readFile("out/AttesterSet.sol/AttesterSet.json");
        Mutator[] memory mutators = _mutators();
        uint256 listed;
        for (uint256 i = 0; vm.keyExistsJson(json, _entry(i, "type")); ++i) {
            if (!_equal(vm.parseJsonString(json, _entry(i, "type")), "function")) continue;
            if (_equal(vm.parseJsonString(json, _entry(i, "stateMutability")), "view")) continue;
            if (_equal(vm.parseJsonString(json, _entry(i, "stateMutability")), "pure")) continue;
            vm.assertEq(vm.parseJsonString(json, _entry(i, "name")), mutators[listed++].name, "mutator");
        }
        vm.assertEq(listed, mutators.length, "number of mutators");
    }

    function testFuzz_PublicMutators_onlyTheRole(address caller) public {
        Mutator[] memory mutators = _mutators();
        for (uint256 i = 0; i < mutators.length; ++i) {
            Mutator memory mutator = mutators[i];
            if (mutator.role == address(0) || mutator.role == caller) continue;
            vm.prank(caller);
            (bool ok, bytes memory reason) = address(set).call(mutator.call);
            vm.assertFalse(ok, mutator.name);
            vm.assertEq(reason, abi.encodeWithSelector(mutator.refusal, caller), mutator.name);
        }
    }

    function test_PublicMutators_theRoleMay() public {
        Mutator[] memory mutators = _mutators();
        for (uint256 i = 0; i < mutators.length; ++i) {
            uint256 before = vm.snapshotState();
            if (mutators[i].needsTable) _load(set, _equalTable(FIRST_EPOCH, 5));
            vm.warp(mutators[i].role == COUNCIL ? START + 40 days : START);
            vm.prank(mutators[i].role);
            (bool ok,) = address(set).call(mutators[i].call);
            vm.assertTrue(ok, mutators[i].name);
            vm.revertToState(before);
        }
    }

    function _entry(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".abi[", vm.toString(index), "].", field);
    }

    function _equal(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    /// @dev In the ABI's order.
    function _mutators() private view returns (Mutator[] memory mutators) {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        bytes32 hash = bytes32(uint256(1));
        uint64 from = START + 40 days;
        mutators = new Mutator[](4);
        mutators[0] = Mutator({
            name: "announce",
            role: HUB_AGENT,
            call: abi.encodeCall(set.announce, (8, hash, from, from + 30 days)),
            refusal: IAttesterSet.NotHubAgent.selector,
            needsTable: false
        });
        mutators[1] = Mutator({
            name: "loadChunk",
            role: address(0),
            call: abi.encodeCall(set.loadChunk, (table.header, 0, table.chunks[0])),
            refusal: 0,
            needsTable: false
        });
        mutators[2] = Mutator({
            name: "recover",
            role: COUNCIL,
            call: abi.encodeCall(set.recover, (8, hash, from, from + 30 days)),
            refusal: IAttesterSet.NotCouncil.selector,
            needsTable: false
        });
        mutators[3] = Mutator({
            name: "verify",
            role: address(0),
            call: abi.encodeCall(set.verify, (DIGEST, _proof(table, _all(table), DIGEST))),
            refusal: 0,
            needsTable: true
        });
    }
}
