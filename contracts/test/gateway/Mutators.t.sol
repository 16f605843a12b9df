// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment, Direction, IGateway} from "../../src/interfaces/IGateway.sol";
import {vm} from "../support/Vm.sol";
import {Wire} from "../support/Wire.sol";
import {World} from "../support/World.sol";

/// @title Every function that changes state, who may call it, and what freezing stops
contract GatewayMutatorsTest is World {
    /// @dev `role` zero: anyone. `frozenBy`: bit 0 outbound, bit 1 inbound.
    struct Mutator {
        string name;
        address role;
        uint256 frozenBy;
        bytes call;
    }

    function setUp() public {
        _setUpWorld();
        vm.chainId(a.id);
    }

    /// @dev The ABI lists functions by name; whatever is not a view must stand in the table, in that order.
    function test_PublicMutators_listIsComplete() public view {
        string memory json = vm.readFile("out/Gateway.sol/Gateway.json");
        Mutator[] memory mutators = _mutators();
        uint256 listed;
        for (uint256 i = 0; vm.keyExistsJson(json, _entry(i, "type")); ++i) {
            if (!_equal(vm.parseJsonString(json, _entry(i, "type")), "function")) continue;
            string memory mutability = vm.parseJsonString(json, _entry(i, "stateMutability"));
            if (_equal(mutability, "view") || _equal(mutability, "pure")) continue;
            vm.assertEq(vm.parseJsonString(json, _entry(i, "name")), mutators[listed++].name, "mutator");
        }
        vm.assertEq(listed, mutators.length, "number of mutators");
    }

    function testFuzz_PublicMutators_onlyTheRole(address caller) public {
        Mutator[] memory mutators = _mutators();
        for (uint256 i = 0; i < mutators.length; ++i) {
            if (mutators[i].role == address(0) || mutators[i].role == caller) continue;
            _on(a, caller);
            (bool ok, bytes memory reason) = address(a.gateway).call(mutators[i].call);
            vm.assertFalse(ok, mutators[i].name);
            vm.assertEq(reason, abi.encodeWithSelector(IGateway.NotAllowed.selector, caller), mutators[i].name);
        }
    }

    /// @dev Whoever has the role, and anyone where there is none, gets past it.
    function test_PublicMutators_theRoleMay() public {
        Mutator[] memory mutators = _mutators();
        for (uint256 i = 0; i < mutators.length; ++i) {
            _on(a, mutators[i].role == address(0) ? ALICE : mutators[i].role);
            (, bytes memory reason) = address(a.gateway).call(mutators[i].call);
            vm.assertFalse(bytes4(reason) == IGateway.NotAllowed.selector, mutators[i].name);
        }
    }

    function test_freezingStopsItsDirectionAndNoOther() public {
        _freezeAndTry(Direction.Outbound);
        _freezeAndTry(Direction.Inbound);
    }

    function test_unfreezingTakesTwoStepsAndItsTime() public {
        _on(a, COUNCIL);
        vm.expectRevert(abi.encodeWithSelector(IGateway.UnfreezeNotReady.selector, Direction.Inbound));
        a.gateway.proposeUnfreeze(Direction.Inbound);
        _on(a, GUARDIAN);
        a.gateway.freeze(Direction.Inbound);
        _expectNotReady();
        _on(a, COUNCIL);
        a.gateway.proposeUnfreeze(Direction.Inbound);
        vm.warp(START + UNFREEZE_DELAY - 1);
        _expectNotReady();
        // Frozen again meanwhile: from the beginning.
        _on(a, GUARDIAN);
        a.gateway.freeze(Direction.Inbound);
        vm.warp(START + UNFREEZE_DELAY);
        _expectNotReady();
        _on(a, COUNCIL);
        a.gateway.proposeUnfreeze(Direction.Inbound);
        vm.warp(START + 2 * UNFREEZE_DELAY);
        _on(a, COUNCIL);
        a.gateway.unfreeze(Direction.Inbound);
        vm.assertFalse(a.gateway.frozen(Direction.Inbound), "open");
        _expectNotReady();
    }

    function test_moduleRowsNeverGoBack() public {
        _setModule(5, 1, 3);
        _setModule(6, 2, 3);
        _setModule(6, 2, 2);
        vm.assertEq(a.gateway.moduleAt(b.id, ALICE).moduleId, 5, "older or equal changes nothing");
        _setModule(0, 0, 4);
        _setModule(5, 1, 3);
        vm.assertEq(a.gateway.moduleAt(b.id, ALICE).moduleId, 0, "removed for good");
        for (uint8 kind = 0; kind < 6; ++kind) {
            if (kind == 1 || kind == 2) continue;
            _on(a, address(a.agent));
            vm.expectRevert(IGateway.ModuleInvalid.selector);
            a.gateway.setModule(b.id, ALICE, 5, kind, 9);
        }
    }

    function _setModule(uint32 moduleId, uint8 kind, uint64 version) private {
        _on(a, address(a.agent));
        a.gateway.setModule(b.id, ALICE, moduleId, kind, version);
    }

    function _expectNotReady() private {
        _on(a, COUNCIL);
        vm.expectRevert(abi.encodeWithSelector(IGateway.UnfreezeNotReady.selector, Direction.Inbound));
        a.gateway.unfreeze(Direction.Inbound);
    }

    function _freezeAndTry(Direction direction) private {
        uint256 state = vm.snapshotState();
        Mutator[] memory mutators = _mutators();
        _openRoute(a, b);
        _on(a, GUARDIAN);
        a.gateway.freeze(direction);
        bytes memory frozen = abi.encodeWithSelector(IGateway.DirectionFrozen.selector, direction);
        for (uint256 i = 0; i < mutators.length; ++i) {
            _on(a, mutators[i].role == address(0) ? ALICE : mutators[i].role);
            (bool ok, bytes memory reason) = address(a.gateway).call(mutators[i].call);
            bool stopped = !ok && keccak256(reason) == keccak256(frozen);
            vm.assertTrue(stopped == (mutators[i].frozenBy >> uint8(direction) & 1 == 1), mutators[i].name);
        }
        vm.revertToState(state);
    }

    function _entry(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".abi[", vm.toString(index), "].", field);
    }

    function _equal(string memory left, string memory right) private pure returns (bool) {
        return keccak256(bytes(left)) == keccak256(bytes(right));
    }

    /// @dev In the ABI's order.
    function _mutators() private view returns (Mutator[] memory list) {
        IGateway g = a.gateway;
        address agent = address(a.agent);
        address far = address(b.gateway);
        Commitment memory c;
        bytes32[] memory none = new bytes32[](0);
        list = new Mutator[](18);
        list[0] = Mutator("accept", address(0), 2, abi.encodeCall(g.accept, (c, "", 1, 0, none)));
        bytes memory both = abi.encodeCall(g.acceptAndDeliver, (c, "", none, 1, 0, "", ""));
        list[1] = Mutator("acceptAndDeliver", address(0), 2, both);
        list[2] = Mutator("claimFees", address(0), 2, abi.encodeCall(g.claimFees, (c, "", ALICE, 1, none)));
        list[3] = Mutator("deliver", address(0), 2, abi.encodeCall(g.deliver, (b.id, far, 1, 0, "", "")));
        list[4] = Mutator("freeze", GUARDIAN, 0, abi.encodeCall(g.freeze, (Direction.Inbound)));
        list[5] = Mutator("overrule", agent, 0, abi.encodeCall(g.overrule, (b.id, far, 0)));
        list[6] = Mutator("proposeUnfreeze", COUNCIL, 0, abi.encodeCall(g.proposeUnfreeze, (Direction.Inbound)));
        list[7] = Mutator("reclaim", address(0), 2, abi.encodeCall(g.reclaim, ("", 1, "")));
        list[8] = Mutator("reclaimVoid", address(0), 2, abi.encodeCall(g.reclaimVoid, ("", c, "", 1, 0, none, "")));
        list[9] = Mutator("refuse", address(0), 2, abi.encodeCall(g.refuse, ("")));
        list[10] = Mutator("refuseUnproven", agent, 1, abi.encodeCall(g.refuseUnproven, (b.id, far, 0)));
        list[11] = Mutator("retry", address(0), 2, abi.encodeCall(g.retry, ("")));
        bytes memory to = Wire.interoperable(b.id, ALICE);
        list[12] = Mutator("sendMessage", address(0), 1, abi.encodeCall(g.sendMessage, (to, "", new bytes[](0))));
        list[13] = Mutator("setModule", agent, 0, abi.encodeCall(g.setModule, (b.id, ALICE, 1, 1, 1)));
        list[14] = Mutator("setRoute", ROUTE_ADMIN, 0, abi.encodeCall(g.setRoute, (b.id, _freeRoute(far))));
        list[15] = Mutator("setRulesVersion", agent, 0, abi.encodeCall(g.setRulesVersion, (2)));
        list[16] = Mutator("snapshot", address(0), 0, abi.encodeCall(g.snapshot, (b.id, far)));
        list[17] = Mutator("unfreeze", COUNCIL, 0, abi.encodeCall(g.unfreeze, (Direction.Inbound)));
    }
}
