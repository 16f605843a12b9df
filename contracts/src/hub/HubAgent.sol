// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IAttesterSet} from "../interfaces/IAttesterSet.sol";
import {IGateway, Module} from "../interfaces/IGateway.sol";
import {Act, IHubAgent} from "../interfaces/IHubAgent.sol";

/// @title The hub's hand on a chain
/// @notice Does what the hub's registry decided, wherever it is delivered.
contract HubAgent is IHubAgent {
    address public immutable override gateway;
    address public immutable override attesterSet;
    uint64 public immutable override hubChainId;
    address public immutable override hubRegistry;

    mapping(uint32 moduleId => mapping(uint64 chainId => address)) public override moduleOf;

    constructor(address gateway_, address attesterSet_, uint64 hubChainId_, address hubRegistry_) {
        if (gateway_ == address(0) || attesterSet_ == address(0) || hubChainId_ == 0 || hubRegistry_ == address(0)) {
            revert ZeroArgument();
        }
        gateway = gateway_;
        attesterSet = attesterSet_;
        hubChainId = hubChainId_;
        hubRegistry = hubRegistry_;
    }

    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32, bytes calldata sender, bytes calldata payload)
        external
        payable
        override
        returns (bytes4)
    {
        if (msg.sender != gateway) revert NotAllowed(msg.sender);
        // The gateway delivers nothing else to here; it is checked again because everything on this chain obeys this contract.
        if (keccak256(sender) != keccak256(InteroperableAddress.formatEvmV1(hubChainId, hubRegistry))) {
            revert NotFromRegistry(sender);
        }
        _do(payload);
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @inheritdoc IHubAgent
    function act(bytes calldata encoded) external override {
        if (msg.sender != hubRegistry || block.chainid != hubChainId) revert NotAllowed(msg.sender);
        _do(encoded);
    }

    function _do(bytes calldata encoded) private {
        (uint8 number, bytes memory body) = abi.decode(encoded, (uint8, bytes));
        if (number > uint8(type(Act).max)) revert UnknownAct(number);
        Act what = Act(number);
        if (what == Act.SetModule) _setModule(body);
        else if (what == Act.SetRulesVersion) _setRulesVersion(body);
        else if (what == Act.AnnounceEpoch) _announceEpoch(body);
        else if (what == Act.CallModule) _callModule(body);
        else if (what == Act.RefuseUnproven) _refuseUnproven(body);
        else _overrule(body);
        emit ActDone(what);
    }

    function _setModule(bytes memory body) private {
        (uint64 chainId, address module, uint32 moduleId, uint8 kind, uint64 version) =
            abi.decode(body, (uint64, address, uint32, uint8, uint64));
        Module memory before = IGateway(gateway).moduleAt(chainId, module);
        IGateway(gateway).setModule(chainId, module, moduleId, kind, version);
        if (version <= before.version) return;
        if (moduleOf[before.moduleId][chainId] == module) delete moduleOf[before.moduleId][chainId];
        if (moduleId != 0) moduleOf[moduleId][chainId] = module;
    }

    function _setRulesVersion(bytes memory body) private {
        (uint32 version,) = abi.decode(body, (uint32, uint64));
        IGateway(gateway).setRulesVersion(version);
    }

    function _announceEpoch(bytes memory body) private {
        (uint64 epoch, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) =
            abi.decode(body, (uint64, bytes32, uint64, uint64));
        IAttesterSet(attesterSet).announce(epoch, tableHash, activatesAt, expiresAt);
    }

    function _callModule(bytes memory body) private {
        (address target, bytes memory data) = abi.decode(body, (address, bytes));
        if (IGateway(gateway).moduleAt(uint64(block.chainid), target).moduleId == 0) revert NotModule(target);
        Address.functionCall(target, data);
    }

    function _refuseUnproven(bytes memory body) private {
        (uint64 originChainId, address originGateway, uint64 sequence) = abi.decode(body, (uint64, address, uint64));
        IGateway(gateway).refuseUnproven(originChainId, originGateway, sequence);
    }

    function _overrule(bytes memory body) private {
        (uint64 destinationChainId, address destinationGateway, uint64 sequence) =
            abi.decode(body, (uint64, address, uint64));
        IGateway(gateway).overrule(destinationChainId, destinationGateway, sequence);
    }
}
