// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Direction} from "../interfaces/IGateway.sol";
import {GatewayBase} from "./GatewayBase.sol";

/// @title Stopping what leaves or what arrives: at once, and back only after a delay
/// @dev Outbound stops everything that would take a number in a lane, refusals and Governance too. Inbound stops everything
/// that rests on attesters' word: accepting, delivering, retrying, refusing, reclaiming and claiming fees.
abstract contract Freezable is GatewayBase {
    struct Freeze {
        bool frozen;
        /// Block time from which it may be unfrozen; 0: not proposed.
        uint64 executableAt;
    }

    /// @dev By direction.
    Freeze[2] private _freezes;

    modifier whenOpen(Direction direction) {
        _requireOpen(direction);
        _;
    }

    function freeze(Direction direction) external override only(_guardian) {
        _freezes[uint8(direction)] = Freeze(true, 0);
        emit Frozen(direction);
    }

    function proposeUnfreeze(Direction direction) external override only(_council) {
        Freeze storage state = _freezes[uint8(direction)];
        if (!state.frozen) revert UnfreezeNotReady(direction);
        state.executableAt = uint64(block.timestamp) + _unfreezeDelay;
        emit UnfreezeProposed(direction, state.executableAt);
    }

    function unfreeze(Direction direction) external override only(_council) {
        uint64 executableAt = _freezes[uint8(direction)].executableAt;
        if (executableAt == 0 || block.timestamp < executableAt) revert UnfreezeNotReady(direction);
        delete _freezes[uint8(direction)];
        emit Unfrozen(direction);
    }

    function frozen(Direction direction) public view override returns (bool) {
        return _freezes[uint8(direction)].frozen;
    }

    function _requireOpen(Direction direction) internal view {
        if (frozen(direction)) revert DirectionFrozen(direction);
    }
}
