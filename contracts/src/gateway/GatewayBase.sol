// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {GatewayId, toGatewayId} from "./GatewayId.sol";

/// @title What a gateway is built with
abstract contract GatewayBase is IGateway, ReentrancyGuardTransient {
    /// @dev No delivery gives more: an item that wants more fails without a call, and can be retried with any gas.
    uint256 internal constant GAS_MAX = 10_000_000;

    bytes32 internal immutable _network;
    uint64 internal immutable _hubChainId;
    address internal immutable _hubGateway;
    address internal immutable _hubRegistry;
    address internal immutable _hubAgent;
    address internal immutable _attesterSet;
    address internal immutable _era;
    address internal immutable _routeAdmin;
    address internal immutable _guardian;
    address internal immutable _council;
    uint64 internal immutable _unfreezeDelay;

    modifier only(address role) {
        _requireCaller(role);
        _;
    }

    constructor(Config memory given) {
        bool complete = given.network != 0 && given.hubChainId != 0 && given.hubGateway != address(0)
            && given.hubRegistry != address(0) && given.hubAgent != address(0) && given.attesterSet != address(0)
            && given.routeAdmin != address(0) && given.guardian != address(0) && given.council != address(0);
        // HubAgent and AttesterSet are deployed after this contract, at predicted addresses; the token stands already.
        bool sound = given.era.code.length != 0 && block.chainid <= type(uint64).max
            && (block.chainid != given.hubChainId || given.hubGateway == address(this));
        if (!complete || !sound) revert ConfigInvalid();

        _network = given.network;
        _hubChainId = given.hubChainId;
        _hubGateway = given.hubGateway;
        _hubRegistry = given.hubRegistry;
        _hubAgent = given.hubAgent;
        _attesterSet = given.attesterSet;
        _era = given.era;
        _routeAdmin = given.routeAdmin;
        _guardian = given.guardian;
        _council = given.council;
        _unfreezeDelay = given.unfreezeDelay;
    }

    function config() external view override returns (Config memory) {
        return Config({
            network: _network,
            hubChainId: _hubChainId,
            hubGateway: _hubGateway,
            hubRegistry: _hubRegistry,
            hubAgent: _hubAgent,
            attesterSet: _attesterSet,
            era: _era,
            routeAdmin: _routeAdmin,
            guardian: _guardian,
            council: _council,
            unfreezeDelay: _unfreezeDelay
        });
    }

    function _requireCaller(address role) private view {
        if (msg.sender != role) revert NotAllowed(msg.sender);
    }

    /// @dev Read anew each time: after a chain has split, only the side that kept the id goes on being this gateway.
    function _chainId() internal view returns (uint64) {
        return uint64(block.chainid);
    }

    function _self() internal view returns (GatewayId) {
        return toGatewayId(_chainId(), address(this));
    }
}
