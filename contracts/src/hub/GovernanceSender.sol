// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {Kinds} from "../gateway/Kinds.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {ChainRegistration} from "../interfaces/IHub.sol";
import {Act, IHubAgent} from "../interfaces/IHubAgent.sol";
import {ChainRegistry} from "./ChainRegistry.sol";

/// @title How the hub tells chains what to do
/// @dev On the hub the HubAgent does it at once; elsewhere it arrives as a `Governance` message. They cost no fee and run in
/// the order of sending (docs/protocol.md §10).
abstract contract GovernanceSender is ChainRegistry {
    /// @dev Room for any act of ours. A module that needs more in `CallModule` fails, and is retried with more.
    uint256 private constant ACT_GAS = 500_000;

    function callModule(uint64 chainId, address target, bytes calldata data) external override onlyRole(GOVERNOR_ROLE) {
        _requireRegistered(chainId);
        _tell(chainId, Act.CallModule, abi.encode(target, data));
    }

    function refuseUnproven(uint64 chainId, uint64 originChainId, address originGateway, uint64 sequence)
        external
        override
        onlyRole(GOVERNOR_ROLE)
    {
        _requireRegistered(chainId);
        _tell(chainId, Act.RefuseUnproven, abi.encode(originChainId, originGateway, sequence));
    }

    function overrule(uint64 chainId, uint64 destinationChainId, address destinationGateway, uint64 sequence)
        external
        override
        onlyRole(GOVERNOR_ROLE)
    {
        _requireRegistered(chainId);
        _tell(chainId, Act.Overrule, abi.encode(destinationChainId, destinationGateway, sequence));
    }

    /// @dev Tells the hub and every other registered chain.
    function _tellAll(Act act, bytes memory body) internal {
        uint64 here = _here();
        _tell(here, act, body);
        uint64[] memory ids = chainIds();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (ids[i] != here) _tell(ids[i], act, body);
        }
    }

    function _tell(uint64 chainId, Act act, bytes memory body) internal {
        bytes memory encoded = abi.encode(uint8(act), body);
        if (chainId == _here()) {
            IHubAgent(hubAgent).act(encoded);
            return;
        }
        ChainRegistration memory chain = chainOf(chainId);
        bytes[] memory attributes = new bytes[](3);
        attributes[0] = abi.encodeWithSignature("kind(uint8)", Kinds.GOVERNANCE);
        attributes[1] = abi.encodeWithSignature("gateway(address)", chain.gateway);
        attributes[2] = abi.encodeWithSignature("gasLimit(uint256)", ACT_GAS);
        IGateway(gateway).sendMessage(InteroperableAddress.formatEvmV1(chainId, chain.hubAgent), encoded, attributes);
    }
}
