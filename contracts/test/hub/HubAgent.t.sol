// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Act, IHubAgent} from "../../src/interfaces/IHubAgent.sol";
import {IGateway, Status} from "../../src/interfaces/IGateway.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {Deployer, World} from "../support/World.sol";

/// @dev A module that the timelock can call.
contract Target {
    uint256 public value;

    error Refused();

    function set(uint256 value_) external {
        if (value_ == 0) revert Refused();
        value = value_;
    }
}

/// @title What the hub can make a chain do, and that nobody else can
contract HubAgentTest is World {
    function setUp() public {
        _setUpWorld();
    }

    function test_actsArriveFromTheHub() public {
        Target target = new Target();
        _deliver(hub, b, _govern(b, Act.SetModule, abi.encode(b.id, target, uint32(7), uint8(2), uint64(1))));
        vm.assertEq(b.gateway.moduleAt(b.id, address(target)).moduleId, 7, "module");
        _deliver(hub, b, _govern(b, Act.SetRulesVersion, abi.encode(uint32(3), uint64(0))));
        vm.assertEq(b.gateway.rulesVersion(), 3, "rules version");
        _deliver(hub, b, _govern(b, Act.AnnounceEpoch, abi.encode(uint64(8), keccak256("table"), uint64(1), uint64(2))));
        (uint64 epoch, bytes32 tableHash,,) = b.attesters.announced();
        vm.assertEq(epoch, 8, "epoch");
        vm.assertEq(tableHash, keccak256("table"), "table");
        bytes memory call = abi.encodeCall(target.set, (42));
        _deliver(hub, b, _govern(b, Act.CallModule, abi.encode(target, call)));
        vm.assertEq(target.value(), 42, "module called");
        _deliver(hub, b, _govern(b, Act.RefuseUnproven, abi.encode(a.id, a.gateway, uint64(5))));
        (Status status,) = b.gateway.statusOf(a.id, address(a.gateway), 5);
        vm.assertTrue(status == Status.Settled, "refused while delivering");
    }

    function test_onTheHubTheRegistryActsDirectly() public {
        _on(hub, REGISTRY);
        hub.agent.act(abi.encode(uint8(Act.SetRulesVersion), abi.encode(uint32(2), uint64(0))));
        vm.assertEq(hub.gateway.rulesVersion(), 2, "rules version");
    }

    function testFuzz_PublicMutators_onlyTheRegistryOnTheHub(address caller) public {
        bytes memory act = abi.encode(uint8(Act.SetRulesVersion), abi.encode(uint32(2), uint64(0)));
        if (caller != REGISTRY) {
            _on(hub, caller);
            vm.expectRevert(abi.encodeWithSelector(IHubAgent.NotAllowed.selector, caller));
            hub.agent.act(act);
        }
        _on(b, REGISTRY);
        vm.expectRevert(abi.encodeWithSelector(IHubAgent.NotAllowed.selector, REGISTRY));
        b.agent.act(act);
    }

    function testFuzz_PublicMutators_onlyTheGatewayDelivers(address caller, address sender, uint64 chainId) public {
        vm.assume(caller != address(b.gateway) && chainId != 0);
        bytes memory act = abi.encode(uint8(Act.SetRulesVersion), abi.encode(uint32(2), uint64(0)));
        _on(b, caller);
        vm.expectRevert(abi.encodeWithSelector(IHubAgent.NotAllowed.selector, caller));
        b.agent.receiveMessage(0, Wire.interoperable(hub.id, REGISTRY), act);
        if (sender == REGISTRY && chainId == hub.id) return;
        _on(b, address(b.gateway));
        bytes memory from = Wire.interoperable(chainId, sender);
        vm.expectRevert(abi.encodeWithSelector(IHubAgent.NotFromRegistry.selector, from));
        b.agent.receiveMessage(0, from, act);
    }

    function test_unknownActsFail() public {
        _on(hub, REGISTRY);
        vm.expectRevert(abi.encodeWithSelector(IHubAgent.UnknownAct.selector, 6));
        hub.agent.act(abi.encode(uint8(6), ""));
    }

    function test_onlyModulesAreCalled() public {
        Target target = new Target();
        bytes memory act = abi.encode(uint8(Act.CallModule), abi.encode(target, abi.encodeCall(target.set, (0))));
        _on(hub, REGISTRY);
        vm.expectRevert(abi.encodeWithSelector(IHubAgent.NotModule.selector, target));
        hub.agent.act(act);
        _module(hub, hub, address(target), 1);
        _on(hub, REGISTRY);
        vm.expectRevert(Target.Refused.selector);
        hub.agent.act(act);
    }

    /// @dev An act that failed at first and is retried late must not move a module back, nor take it away.
    function test_GovernanceActOvertaken_olderRowsDoNotMoveAModule() public {
        _row(ALICE, 7, 2);
        _row(ALICE, 0, 1);
        vm.assertEq(hub.agent.moduleOf(7, b.id), ALICE, "an older removal");
        _row(EXECUTOR, 7, 3);
        _row(ALICE, 7, 2);
        vm.assertEq(hub.agent.moduleOf(7, b.id), EXECUTOR, "an older row");
        _row(ALICE, 8, 3);
        vm.assertEq(hub.agent.moduleOf(7, b.id), EXECUTOR, "another contract's new number takes nobody's place");
        _row(EXECUTOR, 0, 4);
        vm.assertEq(hub.agent.moduleOf(7, b.id), address(0), "removed");
        vm.assertEq(hub.agent.moduleOf(8, b.id), ALICE, "the other stays");
    }

    function _row(address module, uint32 moduleId, uint64 version) private {
        _on(hub, REGISTRY);
        hub.agent.act(abi.encode(uint8(Act.SetModule), abi.encode(b.id, module, moduleId, uint8(1), version)));
    }

    function test_overruleArrivesFromTheHub() public {
        Sent memory act = _govern(b, Act.Overrule, abi.encode(a.id, a.gateway, uint64(0)));
        _deliver(hub, b, act);
        (Status status,) = b.gateway.statusOf(hub.id, address(hub.gateway), act.sequence);
        vm.assertTrue(status == Status.Failed, "nothing to overrule yet");
    }

    function test_zeroArgumentsAreRefused() public {
        Deployer deployer = new Deployer();
        bytes memory code = vm.getCode("HubAgent.sol:HubAgent");
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory arguments = abi.encode(
                i == 0 ? address(0) : ALICE,
                i == 1 ? address(0) : ALICE,
                i == 2 ? uint64(0) : hub.id,
                i == 3 ? address(0) : REGISTRY
            );
            vm.expectRevert(IHubAgent.ZeroArgument.selector);
            deployer.deploy(abi.encodePacked(code, arguments));
        }
    }
}
