// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Route} from "../interfaces/IGateway.sol";
import {GatewayBase} from "./GatewayBase.sol";
import {Kinds} from "./Kinds.sol";
import {Messages} from "./Messages.sol";

/// @title The policy of each lane: where it leads, what may be sent, what it costs
abstract contract Routes is GatewayBase {
    uint16 private constant KINDS = uint16(1 << Kinds.GENERIC | 1 << Kinds.VALUE_FLOW | 1 << Kinds.MAPPING);

    /// @dev A `Route` in an order that fills slots: sending reads the first two only.
    struct StoredRoute {
        address gateway;
        uint16 kinds;
        uint16 bytesMax;
        uint32 gasMax;
        uint96 feeBase;
        uint80 feePerByte;
        uint80 feePerGas;
        uint128 valueMax;
    }

    mapping(uint64 destinationChainId => StoredRoute) private _routes;

    function setRoute(uint64 destinationChainId, Route calldata route) external override only(_routeAdmin) {
        if (destinationChainId == 0 || destinationChainId == _chainId()) revert RouteInvalid();
        if (route.gateway == address(0)) {
            Route memory none;
            delete _routes[destinationChainId];
            emit RouteSet(destinationChainId, none);
            return;
        }
        if (route.kinds == 0 || route.kinds & ~KINDS != 0 || route.bytesMax > Messages.PAYLOAD_MAX) {
            revert RouteInvalid();
        }
        _routes[destinationChainId] = StoredRoute({
            gateway: route.gateway,
            kinds: route.kinds,
            bytesMax: route.bytesMax,
            gasMax: route.gasMax,
            feeBase: route.feeBase,
            feePerByte: route.feePerByte,
            feePerGas: route.feePerGas,
            valueMax: route.valueMax
        });
        emit RouteSet(destinationChainId, route);
    }

    function routeTo(uint64 destinationChainId) external view override returns (Route memory) {
        StoredRoute storage route = _routes[destinationChainId];
        return Route({
            gateway: route.gateway,
            kinds: route.kinds,
            bytesMax: route.bytesMax,
            gasMax: route.gasMax,
            valueMax: route.valueMax,
            feeBase: route.feeBase,
            feePerByte: route.feePerByte,
            feePerGas: route.feePerGas
        });
    }

    /// @dev Checks a message against the route to its destination.
    /// @return gateway The destination's gateway.
    /// @return fee At most 2^96 + 2^96 + 2^112: the message's field has room.
    function _checkRoute(uint64 destinationChainId, uint8 kind, uint256 payloadLength, uint256 gasLimit)
        internal
        view
        returns (address gateway, uint128 fee)
    {
        StoredRoute storage route = _routes[destinationChainId];
        gateway = route.gateway;
        if (gateway == address(0)) revert NoRoute(destinationChainId);
        if ((route.kinds >> kind) & 1 == 0) revert KindNotAllowed(kind);
        if (payloadLength > route.bytesMax) revert PayloadTooLong(payloadLength, route.bytesMax);
        if (gasLimit > route.gasMax) revert GasLimitTooHigh(gasLimit, route.gasMax);
        fee = uint128(route.feeBase + payloadLength * route.feePerByte + gasLimit * route.feePerGas);
    }
}
