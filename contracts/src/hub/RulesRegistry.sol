// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Act} from "../interfaces/IHubAgent.sol";
import {GovernanceSender} from "./GovernanceSender.sol";

/// @title Which rules attesters judge by, and by when each chain must have heard of them
abstract contract RulesRegistry is GovernanceSender {
    /// @dev What every gateway begins with.
    uint32 private constant FIRST_VERSION = 1;

    uint32 private _version = FIRST_VERSION;
    uint64 private _by;

    function setRulesVersion(uint32 version, uint64 by) external override onlyRole(GOVERNOR_ROLE) {
        if (version <= _version) revert RulesVersionInvalid(version, _version);
        (_version, _by) = (version, by);
        emit RulesVersionAnnounced(version, by);
        _tellAll(Act.SetRulesVersion, abi.encode(version, by));
    }

    function extendRulesDate(uint64 chainId, uint32 version, uint64 by) external override onlyRole(GOVERNOR_ROLE) {
        _requireRegistered(chainId);
        if (version <= FIRST_VERSION || version > _version) revert RulesVersionInvalid(version, _version);
        emit RulesDateMoved(chainId, version, by);
        _tell(chainId, Act.SetRulesVersion, abi.encode(version, by));
    }

    function rules() external view override returns (uint32 version, uint64 by) {
        return (_version, _by);
    }

    function _tellRules(uint64 chainId) internal {
        if (_version != FIRST_VERSION) _tell(chainId, Act.SetRulesVersion, abi.encode(_version, _by));
    }
}
