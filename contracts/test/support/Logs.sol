// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @dev A log as the recorder gives it back.
struct Log {
    bytes32[] topics;
    bytes data;
    address emitter;
}

/// @title The cheatcodes that record what contracts log
interface VmLogs {
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
}

VmLogs constant vmLogs = VmLogs(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

/// @title Finding one's way in recorded logs
library Logs {
    function count(Log[] memory logs, bytes32 topic) internal pure returns (uint256 found) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) ++found;
        }
    }

    /// @dev The last log of an event; reverts if there is none.
    function last(Log[] memory logs, bytes32 topic) internal pure returns (Log memory) {
        for (uint256 i = logs.length; i > 0; --i) {
            if (logs[i - 1].topics[0] == topic) return logs[i - 1];
        }
        revert("no such log");
    }
}
