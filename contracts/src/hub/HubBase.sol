// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {BlsProbe} from "../attester/BlsProbe.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {IHub} from "../interfaces/IHub.sol";

/// @title What the hub's registry is built with, and who may use it
abstract contract HubBase is IHub, AccessControl {
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    bytes32 public constant GOVERNOR_ROLE = keccak256("GOVERNOR_ROLE");
    bytes32 public constant STAKER_ROLE = keccak256("STAKER_ROLE");

    bytes32 private constant NETWORK_TAG = keccak256("metalayer/network");
    uint8 private constant NETWORK_VERSION = 1;

    bytes32 public immutable override network;
    address public immutable override gateway;
    address public immutable override hubAgent;
    address public immutable override attesterSet;
    uint64 public immutable override epochOverlap;
    address internal immutable _era;

    /// @notice Reverts on a chain that cannot check a BLS signature, and where the gateway does not obey this contract.
    /// @param name The network's name.
    /// @param gateway_ The hub's gateway, deployed before, with this contract's address as its registry.
    /// @param epochOverlap_ Seconds between announcing an epoch and its beginning, at least.
    /// @param roles Who may what.
    constructor(string memory name, address gateway_, uint64 epochOverlap_, Roles memory roles) {
        BlsProbe.run();
        network = keccak256(
            abi.encodePacked(NETWORK_TAG, NETWORK_VERSION, keccak256(bytes(name)), uint64(block.chainid), address(this))
        );
        IGateway.Config memory config = IGateway(gateway_).config();
        bool ours = config.network == network && config.hubRegistry == address(this)
            && config.hubChainId == block.chainid && config.hubGateway == gateway_;
        if (!ours) revert NotThisHub();
        gateway = gateway_;
        hubAgent = config.hubAgent;
        attesterSet = config.attesterSet;
        epochOverlap = epochOverlap_;
        _era = config.era;

        bool complete = epochOverlap_ != 0 && roles.admin != address(0) && roles.registrar != address(0)
            && roles.governor != address(0) && roles.staker != address(0);
        if (!complete) revert RegistrationInvalid();
        _grantRole(DEFAULT_ADMIN_ROLE, roles.admin);
        _grantRole(REGISTRAR_ROLE, roles.registrar);
        _grantRole(GOVERNOR_ROLE, roles.governor);
        _grantRole(STAKER_ROLE, roles.staker);
    }

    /// @dev Read anew each time: after the hub has split, only the side that kept the id goes on being the hub.
    function _here() internal view returns (uint64) {
        return uint64(block.chainid);
    }
}
