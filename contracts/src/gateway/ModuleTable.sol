// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Module} from "../interfaces/IGateway.sol";
import {GatewayBase} from "./GatewayBase.sol";
import {GatewayId, toGatewayId} from "./GatewayId.sol";
import {Kinds} from "./Kinds.sol";

/// @title This chain's copy of what the hub lays down: the module table and the rules version
/// @dev Kind belongs to the module, not to the caller's wish: only here is written who may say which kind to whom.
abstract contract ModuleTable is GatewayBase {
    uint32 public override rulesVersion = 1;

    /// @dev By chain and address of the module's contract.
    mapping(GatewayId account => Module) private _modules;

    function setModule(uint64 chainId, address module, uint32 moduleId, uint8 kind, uint64 version)
        external
        override
        only(_hubAgent)
    {
        if (chainId == 0 || module == address(0)) revert ModuleInvalid();
        if (moduleId != 0 && !Kinds.isModuleKind(kind)) revert ModuleInvalid();
        Module storage row = _modules[toGatewayId(chainId, module)];
        if (version <= row.version) return;
        // A removed row keeps its version, or an older act that arrives late would bring it back.
        (row.moduleId, row.kind, row.version) = (moduleId, kind, version);
        emit ModuleSet(chainId, module, moduleId, kind, version);
    }

    function setRulesVersion(uint32 version) external override only(_hubAgent) {
        if (version <= rulesVersion) return;
        rulesVersion = version;
        emit RulesVersionSet(version);
    }

    function moduleAt(uint64 chainId, address account) external view override returns (Module memory) {
        return _module(chainId, account);
    }

    function _module(uint64 chainId, address account) internal view returns (Module storage) {
        return _modules[toGatewayId(chainId, account)];
    }

    /// @dev Whether a message of this kind may pass between the two: from and to the same module of that kind, or `Generic`
    /// to what is no module.
    function _moduleFits(uint256 kind, uint64 originChainId, address sender, address recipient)
        internal
        view
        returns (bool)
    {
        Module storage to = _module(_chainId(), recipient);
        if (to.moduleId == 0) return kind == Kinds.GENERIC;
        if (to.kind != kind) return false;
        Module storage from = _module(originChainId, sender);
        return from.moduleId == to.moduleId && from.kind == kind;
    }
}
