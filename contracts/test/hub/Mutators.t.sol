// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Abi} from "../support/Abi.sol";
import {ValueWorld} from "../support/ValueWorld.sol";
import {vm} from "../support/Vm.sol";

/// @title Every function of the hub's registry and of the bridge that changes state, and who may call it
contract HubMutatorsTest is ValueWorld {
    /// @dev `holder` zero: anyone.
    struct Mutator {
        string name;
        address holder;
        bytes32 role;
        bytes call;
    }

    function setUp() public {
        _setUpContracts();
        vm.chainId(hub.id);
    }

    function test_PublicMutators_listIsComplete() public view {
        string[] memory names = Abi.mutators("out/Hub.sol/Hub.json");
        Mutator[] memory mutators = _mutators();
        vm.assertEq(names.length, mutators.length, "number of mutators");
        for (uint256 i = 0; i < names.length; ++i) {
            vm.assertEq(names[i], mutators[i].name, "mutator");
        }
    }

    function test_PublicMutators_listOfTheBridgeIsComplete() public view {
        _bridgeHas("out/EraBridge.sol/EraBridge.json", 0);
        _bridgeHas("out/HubAgent.sol/HubAgent.json", 1);
    }

    function testFuzz_PublicMutators_onlyTheRole(address caller) public {
        Mutator[] memory mutators = _mutators();
        for (uint256 i = 0; i < mutators.length; ++i) {
            if (mutators[i].holder == address(0) || mutators[i].holder == caller) continue;
            _on(hub, caller);
            (bool ok, bytes memory reason) = address(registry).call(mutators[i].call);
            vm.assertFalse(ok, mutators[i].name);
            vm.assertEq(reason, _unauthorized(caller, mutators[i].role), mutators[i].name);
        }
    }

    /// @dev Whoever has the role, and anyone where there is none, gets past it.
    function test_PublicMutators_theRoleMay() public {
        Mutator[] memory mutators = _mutators();
        for (uint256 i = 0; i < mutators.length; ++i) {
            address caller = mutators[i].holder == address(0) ? ALICE : mutators[i].holder;
            _on(hub, caller);
            (, bytes memory reason) = address(registry).call(mutators[i].call);
            bool refused = bytes4(reason) == IAccessControl.AccessControlUnauthorizedAccount.selector;
            vm.assertFalse(refused, mutators[i].name);
        }
    }

    /// @dev Roles do not stand in for one another, the administrator's neither, and can be taken away.
    function test_rolesAreApartAndCanBeTaken() public {
        address[4] memory holders = [ADMIN, REGISTRAR, GOVERNOR, STAKER];
        Mutator[] memory mutators = _mutators();
        for (uint256 i = 0; i < mutators.length; ++i) {
            for (uint256 h = 0; h < 4; ++h) {
                if (mutators[i].holder == address(0) || mutators[i].holder == holders[h]) continue;
                _on(hub, holders[h]);
                (bool ok, bytes memory reason) = address(registry).call(mutators[i].call);
                vm.assertFalse(ok, mutators[i].name);
                vm.assertEq(reason, _unauthorized(holders[h], mutators[i].role), mutators[i].name);
            }
        }
        _on(hub, ADMIN);
        IAccessControl(address(registry)).revokeRole(keccak256("GOVERNOR_ROLE"), GOVERNOR);
        _on(hub, GOVERNOR);
        vm.expectRevert(_unauthorized(GOVERNOR, keccak256("GOVERNOR_ROLE")));
        registry.setRulesVersion(2, 0);
    }

    function _unauthorized(address caller, bytes32 role) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, role);
    }

    /// @dev Who may call these stands in their own tests: the gateway, the HubAgent or the registry; transfers, anyone.
    function _bridgeHas(string memory artifact, uint256 which) private view {
        string[5] memory bridge = ["onReclaim", "receiveMessage", "setInboundCap", "transfer", "transferWithPermit"];
        string[2] memory agent = ["act", "receiveMessage"];
        string[] memory names = Abi.mutators(artifact);
        vm.assertEq(names.length, which == 0 ? bridge.length : agent.length, "number of mutators");
        for (uint256 i = 0; i < names.length; ++i) {
            vm.assertEq(names[i], which == 0 ? bridge[i] : agent[i], "mutator");
        }
    }

    /// @dev In the ABI's order.
    function _mutators() private view returns (Mutator[] memory list) {
        bytes32 governor = keccak256("GOVERNOR_ROLE");
        bytes32 registrar = keccak256("REGISTRAR_ROLE");
        bytes32 staker = keccak256("STAKER_ROLE");
        IAccessControl access = IAccessControl(address(registry));
        bytes32 aRole = keccak256("a role");
        list = new Mutator[](15);
        list[0] = Mutator("announceEpoch", STAKER, staker, abi.encodeCall(registry.announceEpoch, (0, 0, 0)));
        list[1] = Mutator("callModule", GOVERNOR, governor, abi.encodeCall(registry.callModule, (a.id, ALICE, "")));
        list[2] = Mutator("closeEpoch", address(0), 0, abi.encodeCall(registry.closeEpoch, ("", 0, "")));
        list[3] = Mutator("extendRulesDate", GOVERNOR, governor, abi.encodeCall(registry.extendRulesDate, (a.id, 2, 0)));
        list[4] = Mutator("grantRole", ADMIN, 0, abi.encodeCall(access.grantRole, (aRole, ALICE)));
        list[5] = Mutator("open", REGISTRAR, registrar, abi.encodeCall(registry.open, (address(hub.era))));
        list[6] = Mutator("overrule", GOVERNOR, governor, abi.encodeCall(registry.overrule, (a.id, b.id, ALICE, 0)));
        list[7] = Mutator(
            "refuseUnproven", GOVERNOR, governor, abi.encodeCall(registry.refuseUnproven, (a.id, b.id, ALICE, 0))
        );
        list[8] = Mutator("registerAttester", address(0), 0, abi.encodeCall(registry.registerAttester, ("", "", 0)));
        list[9] = Mutator(
            "registerChain", REGISTRAR, registrar, abi.encodeCall(registry.registerChain, (_registration(a, 1)))
        );
        list[10] = Mutator("renounceRole", address(0), 0, abi.encodeCall(access.renounceRole, (aRole, ALICE)));
        list[11] = Mutator("revokeRole", ADMIN, 0, abi.encodeCall(access.revokeRole, (aRole, ALICE)));
        list[12] = Mutator("setModule", GOVERNOR, governor, abi.encodeCall(registry.setModule, (1, 1, a.id, ALICE)));
        list[13] = Mutator("setRulesVersion", GOVERNOR, governor, abi.encodeCall(registry.setRulesVersion, (2, 0)));
        list[14] = Mutator("setStake", STAKER, staker, abi.encodeCall(registry.setStake, (ALICE, 1)));
    }
}
