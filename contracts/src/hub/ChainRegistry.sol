// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../interfaces/IAttesterSet.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {ChainRegistration, Finality} from "../interfaces/IHub.sol";
import {IHubAgent} from "../interfaces/IHubAgent.sol";
import {HubBase} from "./HubBase.sol";

/// @title Which chains there are
abstract contract ChainRegistry is HubBase {
    mapping(uint64 chainId => ChainRegistration) private _chains;
    uint64[] private _chainIds;
    mapping(uint32 partition => bool) private _partitionTaken;

    function registerChain(ChainRegistration calldata registration) external override onlyRole(REGISTRAR_ROLE) {
        _checkComplete(registration);
        uint64 chainId = registration.chainId;
        if (_isRegistered(chainId)) revert ChainTaken(chainId);
        if (_partitionTaken[registration.partition]) revert PartitionTaken(registration.partition);
        // Another chain's contracts cannot be asked: its AttesterSet has tried the precompiles when it was created, and
        // attesters read the rest there before they sign for it.
        if (chainId == _here()) _checkOwn(registration);

        _chains[chainId] = registration;
        _chainIds.push(chainId);
        _partitionTaken[registration.partition] = true;
        emit ChainRegistered(chainId, registration);
        if (chainId != _here()) _welcome(chainId);
    }

    function chainOf(uint64 chainId) public view override returns (ChainRegistration memory) {
        return _chains[chainId];
    }

    function chainIds() public view override returns (uint64[] memory) {
        return _chainIds;
    }

    /// @dev Tells a chain that has just joined what the others know.
    function _welcome(uint64 chainId) internal virtual;

    function _isRegistered(uint64 chainId) internal view returns (bool) {
        return _chains[chainId].chainId != 0;
    }

    function _requireRegistered(uint64 chainId) internal view {
        if (!_isRegistered(chainId)) revert ChainUnknown(chainId);
    }

    function _checkComplete(ChainRegistration calldata r) private pure {
        bool complete = r.chainId != 0 && r.gateway != address(0) && r.hubAgent != address(0)
            && r.attesterSet != address(0) && r.era != address(0) && r.deploymentBlock != 0;
        bool counted = r.finalityBlocks != 0;
        if (!complete || counted != (r.finality == Finality.Blocks)) revert RegistrationInvalid();
    }

    /// @dev On the hub itself the three contracts are asked whether they are one another's, this registry's and its network's.
    function _checkOwn(ChainRegistration calldata r) private view {
        bool known = r.gateway == gateway && r.hubAgent == hubAgent && r.attesterSet == attesterSet && r.era == _era;
        if (!known) revert HubContractsDisagree();
        IHubAgent agent = IHubAgent(hubAgent);
        bool agentAgrees = agent.gateway() == gateway && agent.attesterSet() == attesterSet
            && agent.hubChainId() == r.chainId && agent.hubRegistry() == address(this);
        IAttesterSet set = IAttesterSet(attesterSet);
        bool setAgrees = set.network() == network && set.hubChainId() == r.chainId && set.hubGateway() == gateway
            && set.hubAgent() == hubAgent;
        if (!agentAgrees || !setAgrees) revert HubContractsDisagree();
    }
}
