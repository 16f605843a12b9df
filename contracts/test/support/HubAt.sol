// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IHub} from "../../src/interfaces/IHub.sol";
import {vm} from "./Vm.sol";

/// @title The hub's registry at an address of the test's choice
/// @dev Its `NetworkId` follows from its own address, so a given id needs a given address.
library HubAt {
    /// @dev The constructor runs at `target`, and refuses unless it computes `network` itself.
    function deploy(address target, uint64 chainId, string memory name, bytes32 network) internal returns (IHub) {
        vm.chainId(chainId);
        address gateway = address(0x6a7e);
        IGateway.Config memory config;
        (config.network, config.hubRegistry, config.hubChainId, config.hubGateway) = (network, target, chainId, gateway);
        vm.etch(gateway, hex"00");
        vm.mockCall(gateway, abi.encodeCall(IGateway.config, ()), abi.encode(config));
        address admin = address(0xad);
        bytes memory arguments = abi.encode(name, gateway, uint64(1 days), IHub.Roles(admin, admin, admin, admin));
        vm.etch(target, abi.encodePacked(vm.getCode("Hub.sol:Hub"), arguments));
        (bool ok, bytes memory code) = target.call("");
        vm.assertTrue(ok, "the hub computes another network");
        vm.etch(target, code);
        return IHub(target);
    }
}
