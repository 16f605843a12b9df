// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The kinds of a message (docs/protocol.md §2)
library Kinds {
    /// @dev Moves no ledgered value; what names no kind is this one.
    uint8 internal constant GENERIC = 0;
    /// @dev $ERA and revenue; only between value modules.
    uint8 internal constant VALUE_FLOW = 1;
    /// @dev Asset certificates; only between asset modules.
    uint8 internal constant MAPPING = 2;
    /// @dev From the hub's registry to a HubAgent.
    uint8 internal constant GOVERNANCE = 3;
    /// @dev From gateway to gateway: refusals.
    uint8 internal constant CONTROL = 4;

    /// @dev The kinds that a module can have.
    function isModuleKind(uint8 kind) internal pure returns (bool) {
        return kind == VALUE_FLOW || kind == MAPPING;
    }
}
