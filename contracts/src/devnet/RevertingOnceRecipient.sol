// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// @title A recipient that takes no message until it is told to
/// @notice What a demo shows failed messages with that are retried.
contract RevertingOnceRecipient is IERC7786Recipient {
    /// @notice Whether it takes messages.
    bool public willing;

    /// @notice It was not told to take one yet.
    error NotYet();

    /// @notice From now on it takes every message; anyone.
    function relent() external {
        willing = true;
    }

    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        if (!willing) revert NotYet();
        return IERC7786Recipient.receiveMessage.selector;
    }
}
