// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// @title A recipient that takes no message
/// @notice What a demo shows failing deliveries with.
contract RevertingRecipient is IERC7786Recipient {
    /// @notice It never takes one.
    error Unwilling();

    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        revert Unwilling();
    }
}
