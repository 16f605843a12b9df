// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway, Status} from "../../src/interfaces/IGateway.sol";
import {ChainRegistration, Finality, IHub, ModuleRow} from "../../src/interfaces/IHub.sol";
import {IHubAgent} from "../../src/interfaces/IHubAgent.sol";
import {Log, Logs, vmLogs} from "../support/Logs.sol";
import {ValueWorld} from "../support/ValueWorld.sol";
import {vm} from "../support/Vm.sol";
import {Sent} from "../support/Wire.sol";
import {Deployer} from "../support/World.sol";

/// @title Chains, modules and rules: what is registered, and that every chain hears of it
contract HubTest is ValueWorld {
    using Logs for Log[];

    address private constant MODULE = address(0x30d);

    function setUp() public {
        _setUpContracts();
    }

    function test_networkIsNameHubAndRegistry() public view {
        vm.assertEq(registry.network(), _network(), "network");
        vm.assertEq(registry.gateway(), address(hub.gateway), "gateway");
        vm.assertEq(registry.hubAgent(), address(hub.agent), "agent");
        vm.assertEq(registry.attesterSet(), address(hub.attesters), "attester set");
        vm.assertEq(registry.epochOverlap(), OVERLAP, "overlap");
    }

    function test_deploymentNeedsAGatewayThatObeys() public {
        vm.chainId(hub.id);
        Deployer deployer = new Deployer();
        IHub.Roles memory roles = IHub.Roles(ADMIN, REGISTRAR, GOVERNOR, STAKER);
        bytes memory code = vm.getCode("Hub.sol:Hub");
        vm.expectRevert(IHub.NotThisHub.selector);
        deployer.deploy(abi.encodePacked(code, abi.encode(NAME, hub.gateway, OVERLAP, roles)));
    }

    // ---- Chains ----

    function test_registersAChain() public {
        ChainRegistration memory registration = _registration(a, 5);
        (registration.finality, registration.finalityBlocks) = (Finality.Blocks, 12);
        _on(hub, REGISTRAR);
        registry.registerChain(registration);
        vm.assertEq(abi.encode(registry.chainOf(a.id)), abi.encode(registration), "as given");
        vm.assertEq(abi.encode(registry.chainIds()), abi.encode(_one(a.id)), "listed");
        vm.assertEq(registry.chainOf(b.id).chainId, 0, "no other");
    }

    function test_zerosAndContradictionsAreRefused() public {
        for (uint256 i = 0; i < 8; ++i) {
            ChainRegistration memory r = _registration(a, 1);
            if (i == 0) r.chainId = 0;
            if (i == 1) r.gateway = address(0);
            if (i == 2) r.hubAgent = address(0);
            if (i == 3) r.attesterSet = address(0);
            if (i == 4) r.era = address(0);
            if (i == 5) r.deploymentBlock = 0;
            if (i == 6) r.finalityBlocks = 1;
            if (i == 7) r.finality = Finality.Blocks;
            _refuse(r, abi.encodeWithSelector(IHub.RegistrationInvalid.selector));
        }
    }

    /// @dev A partition belongs to one chain for good. One gateway's address may stand on many chains.
    function test_nothingIsRegisteredTwice() public {
        _register(a, 1);
        _refuse(_registration(a, 2), abi.encodeWithSelector(IHub.ChainTaken.selector, a.id));
        ChainRegistration memory redeployed = _registration(b, 2);
        redeployed.chainId = a.id;
        _refuse(redeployed, abi.encodeWithSelector(IHub.ChainTaken.selector, a.id));
        _refuse(_registration(b, 1), abi.encodeWithSelector(IHub.PartitionTaken.selector, 1));
        ChainRegistration memory twin = _registration(a, 2);
        twin.chainId = b.id;
        _on(hub, REGISTRAR);
        registry.registerChain(twin);
    }

    /// @dev The hub's own contracts can be asked, and every one of them must be the right one.
    function test_theHubsOwnContractsMustAgree() public {
        for (uint256 i = 0; i < 4; ++i) {
            ChainRegistration memory r = _registration(hub, 0);
            if (i == 0) r.gateway = address(a.gateway);
            if (i == 1) r.hubAgent = address(a.agent);
            if (i == 2) r.attesterSet = address(a.attesters);
            if (i == 3) r.era = address(a.era);
            _refuse(r, abi.encodeWithSelector(IHub.HubContractsDisagree.selector));
        }
        _disagree(address(hub.agent), "gateway()", abi.encode(a.gateway));
        _disagree(address(hub.agent), "attesterSet()", abi.encode(a.attesters));
        _disagree(address(hub.agent), "hubChainId()", abi.encode(a.id));
        _disagree(address(hub.agent), "hubRegistry()", abi.encode(ALICE));
        _disagree(address(hub.attesters), "network()", abi.encode(keccak256("another")));
        _disagree(address(hub.attesters), "hubChainId()", abi.encode(a.id));
        _disagree(address(hub.attesters), "hubGateway()", abi.encode(a.gateway));
        _disagree(address(hub.attesters), "hubAgent()", abi.encode(ALICE));
        _register(hub, 0);
    }

    /// @dev A chain that joins late has every row, the rules version and the newest epoch; none of what was removed.
    function test_lateChainHearsEverything() public {
        vmLogs.recordLogs();
        _register(hub, 0);
        _on(hub, REGISTRAR);
        registry.open(address(hub.era));
        _register(a, 1);
        _registerBridge(a);
        _setModule(7, 2, a.id, MODULE);
        _setModule(8, 2, a.id, ALICE);
        _setModule(0, 0, a.id, ALICE);
        _on(hub, GOVERNOR);
        registry.setRulesVersion(3, START + 1 days);
        _deliverAll(_allSent());

        _register(b, 2);
        Sent[] memory sent = _allSent();
        vm.assertEq(sent.length, 3 + 1 + 1, "three rows, the rules, the epoch");
        _deliverAll(sent);
        vm.assertEq(b.gateway.moduleAt(hub.id, address(bridgeOf[hub.id])).moduleId, 1, "the hub's bridge");
        vm.assertEq(b.gateway.moduleAt(a.id, address(bridgeOf[a.id])).moduleId, 1, "a's bridge");
        vm.assertEq(b.gateway.moduleAt(a.id, MODULE).kind, 2, "a's other module");
        vm.assertEq(b.gateway.moduleAt(a.id, ALICE).version, 0, "never there");
        vm.assertEq(b.gateway.rulesVersion(), 3, "rules");
        (uint64 epoch, bytes32 tableHash,, uint64 expiresAt) = b.attesters.announced();
        vm.assertEq(epoch, 1, "epoch");
        vm.assertEq(tableHash, keccak256("first table"), "table");
        vm.assertEq(expiresAt, START + 40 days, "until");
    }

    // ---- Opening ----

    /// @dev Attesters read the registry only beside a log of the gateway: both are in one transaction.
    function test_openingLogsTheSupplyAndTheBridgesRow() public {
        _register(hub, 0);
        vmLogs.recordLogs();
        _on(hub, REGISTRAR);
        registry.open(address(hub.era));
        Log[] memory logs = vmLogs.getRecordedLogs();
        Log memory opened = logs.last(IHub.Opened.selector);
        vm.assertEq(opened.data, abi.encode(hub.era, SUPPLY), "opened");
        vm.assertEq(opened.emitter, address(registry), "by the registry");
        vm.assertEq(logs.last(IGateway.ModuleSet.selector).emitter, address(hub.gateway), "beside the gateway's log");
        vm.assertEq(hub.agent.moduleOf(1, hub.id), address(bridgeOf[hub.id]), "the bridge");
        vm.assertTrue(registry.isOpen(), "open");
        _on(hub, REGISTRAR);
        vm.expectRevert(IHub.AlreadyOpen.selector);
        registry.open(address(hub.era));
    }

    function test_opensWithTheWholeSupplyOnly() public {
        _on(hub, REGISTRAR);
        vm.expectRevert(abi.encodeWithSelector(IHub.ChainUnknown.selector, hub.id));
        registry.open(address(hub.era));
        _register(hub, 0);
        _on(hub, REGISTRAR);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotTheWholeSupply.selector, a.era, 0));
        registry.open(address(a.era));
        _on(hub, address(bridgeOf[hub.id]));
        (bool ok,) = address(hub.era).call(abi.encodeWithSignature("crosschainBurn(address,uint256)", address(this), 1));
        vm.assertTrue(ok, "burnt");
        _on(hub, REGISTRAR);
        vm.expectRevert(abi.encodeWithSelector(IHub.NotTheWholeSupply.selector, hub.era, SUPPLY - 1));
        registry.open(address(hub.era));
    }

    // ---- Modules ----

    /// @dev The newest row says where a module is; a removed one says that it is nowhere, and comes back with a higher version.
    function test_moduleRowsReachEveryChainInOrder() public {
        _joinAll();
        _setModule(7, 2, a.id, MODULE);
        _setModule(7, 2, a.id, ALICE);
        _setModule(0, 0, a.id, MODULE);
        _deliverAll(_allSent());
        _everywhere(ALICE, 7, 1);
        _everywhere(MODULE, 0, 2);
        vm.assertEq(b.agent.moduleOf(7, a.id), ALICE, "the newest in force");
        _setModule(0, 0, a.id, ALICE);
        _setModule(9, 1, a.id, MODULE);
        _deliverAll(_allSent());
        _everywhere(MODULE, 9, 3);
        vm.assertEq(b.agent.moduleOf(7, a.id), address(0), "none");
        vm.assertEq(b.agent.moduleOf(9, a.id), MODULE, "under its new number");
        ModuleRow[] memory rows = registry.moduleRows();
        vm.assertEq(rows.length, 2, "rows");
        vm.assertEq(abi.encode(rows[0]), abi.encode(a.id, MODULE, 9, 1, 3), "row");
        vm.assertEq(abi.encode(rows[1]), abi.encode(a.id, ALICE, 0, 0, 2), "removed row");
    }

    function test_whatNoGatewayTakesIsNotRegistered() public {
        _joinAll();
        _on(hub, GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(IHub.ChainUnknown.selector, 999));
        registry.setModule(7, 2, 999, MODULE);
        for (uint8 kind = 0; kind < 5; ++kind) {
            if (kind == 1 || kind == 2) continue;
            _on(hub, GOVERNOR);
            vm.expectRevert(IGateway.ModuleInvalid.selector);
            registry.setModule(7, kind, a.id, MODULE);
        }
        _on(hub, GOVERNOR);
        vm.expectRevert(IGateway.ModuleInvalid.selector);
        registry.setModule(7, 2, a.id, address(0));
        vm.assertEq(registry.moduleRows().length, 0, "no row");
    }

    // ---- Rules, and acts for one chain ----

    function test_rulesVersionReachesEveryChain() public {
        _joinAll();
        _on(hub, GOVERNOR);
        registry.setRulesVersion(2, START + 5 days);
        Sent[] memory sent = _allSent();
        bytes memory act = abi.encode(uint8(1), abi.encode(uint32(2), START + 5 days));
        vm.assertEq(sent[0].payload, act, "act with its date");
        _deliverAll(sent);
        vm.assertEq(hub.gateway.rulesVersion(), 2, "hub");
        vm.assertEq(a.gateway.rulesVersion(), 2, "a");
        vm.assertEq(b.gateway.rulesVersion(), 2, "b");
        _on(hub, GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(IHub.RulesVersionInvalid.selector, 2, 2));
        registry.setRulesVersion(2, 0);
    }

    function test_rulesDateMovesForOneChain() public {
        _joinAll();
        _on(hub, GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(IHub.RulesVersionInvalid.selector, 1, 1));
        registry.extendRulesDate(a.id, 1, START + 9 days);
        _on(hub, GOVERNOR);
        registry.setRulesVersion(2, START + 5 days);
        _deliverAll(_allSent());
        _on(hub, GOVERNOR);
        registry.extendRulesDate(a.id, 2, START + 9 days);
        Sent[] memory sent = _allSent();
        vm.assertEq(sent.length, 1, "to one chain");
        vm.assertEq(sent[0].payload, abi.encode(uint8(1), abi.encode(uint32(2), START + 9 days)), "act");
        _deliverAll(sent);
        vm.assertEq(a.gateway.rulesVersion(), 2, "the version stays");
        _on(hub, GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(IHub.RulesVersionInvalid.selector, 3, 2));
        registry.extendRulesDate(a.id, 3, 0);
    }

    /// @dev A split that attesters cannot settle: refused there, home, overruled here, each by the hub's word.
    function test_splitIsSettledByTheHub() public {
        _joinAll();
        _openRoute(a, b);
        Sent memory split = _send(a, b, ALICE, BOB, "split");
        _on(hub, GOVERNOR);
        registry.refuseUnproven(b.id, a.id, address(a.gateway), split.sequence);
        Sent[] memory acts = _allSent();
        _deliverAll(acts);
        (Status status,) = b.gateway.statusOf(a.id, address(a.gateway), split.sequence);
        vm.assertTrue(status == Status.Settled, "refused");
        _deliverAll(_allSent());
        _on(hub, GOVERNOR);
        registry.overrule(a.id, b.id, address(b.gateway), split.sequence);
        _deliverAll(_allSent());
        vm.assertEq(vmLogs.getRecordedLogs().last(IGateway.Overruled.selector).emitter, address(a.gateway), "overruled");
    }

    function test_actsForOneChainNeedARegisteredOne() public {
        bytes memory unknown = abi.encodeWithSelector(IHub.ChainUnknown.selector, 999);
        _refuseAct(abi.encodeCall(registry.callModule, (999, ALICE, "")), unknown);
        _refuseAct(abi.encodeCall(registry.refuseUnproven, (999, a.id, ALICE, 0)), unknown);
        _refuseAct(abi.encodeCall(registry.overrule, (999, a.id, ALICE, 0)), unknown);
        _refuseAct(abi.encodeCall(registry.extendRulesDate, (999, 2, 0)), unknown);
    }

    /// @dev On the hub itself the act is done in the same call, and fails with it.
    function test_onTheHubActsAreDoneAtOnce() public {
        _register(hub, 0);
        bytes memory notModule = abi.encodeWithSelector(IHubAgent.NotModule.selector, ALICE);
        _refuseAct(abi.encodeCall(registry.callModule, (hub.id, ALICE, "")), notModule);
        _on(hub, GOVERNOR);
        registry.setRulesVersion(4, 0);
        vm.assertEq(hub.gateway.rulesVersion(), 4, "done");
    }

    function _joinAll() private {
        vmLogs.recordLogs();
        _register(hub, 0);
        _register(a, 1);
        _register(b, 2);
        _deliverAll(_allSent());
    }

    function _setModule(uint32 moduleId, uint8 kind, uint64 chainId, address module) private {
        _on(hub, GOVERNOR);
        registry.setModule(moduleId, kind, chainId, module);
    }

    function _everywhere(address module, uint32 moduleId, uint64 version) private view {
        Chain[3] memory all = [hub, a, b];
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(all[i].gateway.moduleAt(a.id, module).moduleId, moduleId, "module");
            vm.assertEq(all[i].gateway.moduleAt(a.id, module).version, version, "version");
        }
    }

    function _refuse(ChainRegistration memory registration, bytes memory reason) private {
        _on(hub, REGISTRAR);
        vm.expectRevert(reason);
        registry.registerChain(registration);
    }

    function _refuseAct(bytes memory call, bytes memory reason) private {
        _on(hub, GOVERNOR);
        (bool ok, bytes memory answer) = address(registry).call(call);
        vm.assertFalse(ok, "done");
        vm.assertEq(answer, reason, "reason");
    }

    function _disagree(address who, string memory question, bytes memory answer) private {
        vm.mockCall(who, abi.encodeWithSignature(question), answer);
        _refuse(_registration(hub, 0), abi.encodeWithSelector(IHub.HubContractsDisagree.selector));
        vm.clearMockedCalls();
    }

    function _one(uint64 id) private pure returns (uint64[] memory ids) {
        ids = new uint64[](1);
        ids[0] = id;
    }
}
