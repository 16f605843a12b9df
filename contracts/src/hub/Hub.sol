// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Kinds} from "../gateway/Kinds.sol";
import {EpochRegistry} from "./EpochRegistry.sol";
import {IEra} from "../interfaces/IEra.sol";
import {IHub} from "../interfaces/IHub.sol";
import {HubBase} from "./HubBase.sol";
import {ModuleRegistry} from "./ModuleRegistry.sol";
import {RulesRegistry} from "./RulesRegistry.sol";

/// @title The hub's registry
/// @notice Which chains, modules, rules and attesters there are; every chain obeys it through its HubAgent.
/// @dev One idea a file: chains (ChainRegistry), the way to tell them (GovernanceSender), modules (ModuleRegistry), rules
/// (RulesRegistry), attesters (AttesterRegistry), their epochs (EpochRegistry).
contract Hub is ModuleRegistry, RulesRegistry, EpochRegistry {
    /// @notice $ERA's bridge, the first module.
    uint32 public constant ERA_MODULE = 1;

    bool public override isOpen;

    constructor(string memory name, address gateway, uint64 epochOverlap, Roles memory roles)
        HubBase(name, gateway, epochOverlap, roles)
    {}

    /// @inheritdoc IHub
    /// @dev The row that opens the bridge makes the gateway log: attesters read this registry beside its gateway alone.
    function open(address era) external override onlyRole(REGISTRAR_ROLE) {
        if (isOpen) revert AlreadyOpen();
        uint256 supply = IEra(era).totalSupply();
        if (era != _era || supply != IEra(era).SUPPLY()) revert NotTheWholeSupply(era, supply);
        isOpen = true;
        emit Opened(era, supply);
        _setModule(ERA_MODULE, Kinds.VALUE_FLOW, _here(), IEra(era).bridge());
    }

    function _welcome(uint64 chainId) internal override {
        _tellModules(chainId);
        _tellRules(chainId);
        _tellEpoch(chainId);
    }
}
