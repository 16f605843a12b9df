// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment} from "../../src/interfaces/IGateway.sol";
import {Sent} from "./Wire.sol";

/// @dev The gateway's libraries as tests see them.
interface IGatewayHarness {
    function append(bytes32 leaf) external returns (uint64);
    function root() external view returns (bytes32);
    /// @dev The tree's state in the bytes of docs/protocol.md §3, read and written.
    function frontier() external view returns (bytes memory);
    function setFrontier(bytes calldata frontier_) external;
    function rangeRoot(bytes32[] calldata leaves, uint256 first, uint256 count, bytes calldata proof)
        external
        pure
        returns (bytes32);
    function pathRoot(bytes32 leaf, uint256 sequence, uint256 count, bytes calldata path)
        external
        pure
        returns (bytes32);
    function encode(Sent calldata sent) external pure returns (bytes memory canonical);
    function decode(bytes calldata canonical) external pure returns (Sent memory sent);
    function voidLeaf(bytes32 id) external pure returns (bytes32);
    function read(
        bytes calldata items,
        uint64 originChainId,
        address originGateway,
        uint64 destinationChainId,
        address destinationGateway,
        uint256 first
    ) external pure returns (bytes32[] memory leaves, uint256 carried);
    /// @dev What running an item needs, and where the next one begins; the other fields stay empty.
    function messageAt(bytes calldata items, uint256 cursor) external pure returns (Sent memory sent, uint256 next);
    function digest(Commitment calldata commitment) external pure returns (bytes32);
    function provesLane(
        Commitment calldata commitment,
        uint64 destinationChainId,
        address destinationGateway,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata proof
    ) external pure returns (bool);
    function feesKey(uint64 originChainId, address originGateway, address executor) external pure returns (bytes32);
    function provesFact(bytes32 root_, bytes32 key, bytes32 valueHash, bytes32[] calldata proof)
        external
        pure
        returns (bool);
}
