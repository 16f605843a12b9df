// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice One gateway on one chain, `u64 chain ‖ address gateway` (docs/protocol.md §1).
/// @dev Everything that is remembered about another chain is keyed by it, so that a redeployed gateway is a new origin and a
/// new destination for which nothing old counts. It names a contract of any kind where a chain and an address belong together.
type GatewayId is bytes28;

using {same as ==} for GatewayId global;

function toGatewayId(uint64 chainId, address gateway) pure returns (GatewayId id) {
    // Shifted so that whatever lies above the fields falls out: masking costs more, and every message comes by here.
    assembly ("memory-safe") {
        id := or(shl(192, chainId), shr(64, shl(96, gateway)))
    }
}

function same(GatewayId a, GatewayId b) pure returns (bool) {
    return GatewayId.unwrap(a) == GatewayId.unwrap(b);
}
