// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {GatewayId, toGatewayId} from "../gateway/GatewayId.sol";
import {Module} from "../interfaces/IGateway.sol";
import {ModuleRow} from "../interfaces/IHub.sol";
import {Act} from "../interfaces/IHubAgent.sol";
import {GovernanceSender} from "./GovernanceSender.sol";

/// @title The module table, of which every chain has a copy
/// @dev A row counts its own versions, and is never forgotten: one that was removed and comes back goes on counting.
abstract contract ModuleRegistry is GovernanceSender {
    using EnumerableSet for EnumerableSet.Bytes32Set;

    /// @dev Chain and address of each row, as a `GatewayId`.
    EnumerableSet.Bytes32Set private _keys;
    mapping(GatewayId account => Module) private _rows;

    function setModule(uint32 moduleId, uint8 kind, uint64 chainId, address module)
        external
        override
        onlyRole(GOVERNOR_ROLE)
    {
        _setModule(moduleId, kind, chainId, module);
    }

    function moduleRows() external view override returns (ModuleRow[] memory rows) {
        rows = new ModuleRow[](_keys.length());
        for (uint256 i = 0; i < rows.length; ++i) {
            rows[i] = _rowAt(i);
        }
    }

    /// @dev What a row may hold, the hub's own gateway decides: it is told in the same call.
    function _setModule(uint32 moduleId, uint8 kind, uint64 chainId, address module) internal {
        _requireRegistered(chainId);
        GatewayId key = toGatewayId(chainId, module);
        _keys.add(GatewayId.unwrap(key));
        Module storage row = _rows[key];
        (row.moduleId, row.kind, row.version) = (moduleId, moduleId == 0 ? 0 : kind, row.version + 1);
        emit ModuleRegistered(chainId, module, row.moduleId, row.kind, row.version);
        _tellAll(Act.SetModule, abi.encode(chainId, module, row.moduleId, row.kind, row.version));
    }

    /// @dev A row that was removed was never there for a chain that joins now.
    function _tellModules(uint64 chainId) internal {
        uint256 count = _keys.length();
        for (uint256 i = 0; i < count; ++i) {
            ModuleRow memory row = _rowAt(i);
            if (row.moduleId != 0) _tell(chainId, Act.SetModule, abi.encode(row));
        }
    }

    function _rowAt(uint256 index) private view returns (ModuleRow memory) {
        GatewayId key = GatewayId.wrap(bytes28(_keys.at(index)));
        Module memory row = _rows[key];
        uint256 packed = uint224(GatewayId.unwrap(key));
        return ModuleRow(uint64(packed >> 160), address(uint160(packed)), row.moduleId, row.kind, row.version);
    }
}
