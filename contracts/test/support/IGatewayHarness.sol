// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @dev The gateway's libraries as tests see them.
interface IGatewayHarness {
    function append(bytes32 leaf) external returns (uint64);
    function root() external view returns (bytes32);
    function rangeRoot(bytes32[] calldata leaves, uint256 first, uint256 count, bytes calldata proof)
        external
        pure
        returns (bytes32);
    function read(
        bytes calldata items,
        uint64 originChainId,
        address originGateway,
        uint64 destinationChainId,
        address destinationGateway,
        uint256 first
    ) external pure returns (bytes32[] memory leaves, uint256 carried);
}
