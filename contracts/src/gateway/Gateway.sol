// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {GatewayBase} from "./GatewayBase.sol";
import {Inbox} from "./Inbox.sol";

/// @title The gateway of a chain
/// @notice Sends messages to other chains, delivers what attesters have attested, and takes back what could not be delivered.
/// @dev One idea a file: what leaves (Outbox, Routes), what arrives (Inbox), what comes home (Home), what the hub lays down
/// (ModuleTable), whose word is taken (Attested), what can be stopped (Freezable). Never upgraded: a new deployment is a new
/// origin.
contract Gateway is Inbox {
    constructor(Config memory config) GatewayBase(config) {}
}
