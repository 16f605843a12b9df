// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title A chain's council
/// @notice OpenZeppelin's timelock with the shortest delay that AttesterSet accepts of who may recover: seven days in which
/// everybody sees what will be done. Nobody administers it but itself, after the same delay.
contract Council is TimelockController {
    /// @param members Who may propose and cancel, and after the delay execute.
    constructor(address[] memory members) TimelockController(7 days, members, members, address(0)) {}
}
