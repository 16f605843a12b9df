// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {toGatewayId} from "../../src/gateway/GatewayId.sol";
import {Items} from "../../src/gateway/Items.sol";
import {LaneTree} from "../../src/gateway/LaneTree.sol";
import {IGatewayHarness} from "./IGatewayHarness.sol";

/// @title The gateway's libraries behind external functions
/// @dev Compiled with viaIR like what it wraps; tests reach it through `IGatewayHarness` and `vm.deployCode`.
contract GatewayHarness is IGatewayHarness {
    using LaneTree for LaneTree.Tree;

    LaneTree.Tree private tree;

    function append(bytes32 leaf) external returns (uint64) {
        return tree.append(leaf);
    }

    function root() external view returns (bytes32) {
        return tree.root();
    }

    function rangeRoot(bytes32[] calldata leaves, uint256 first, uint256 count, bytes calldata proof)
        external
        pure
        returns (bytes32)
    {
        return LaneTree.rangeRoot(leaves, first, count, proof);
    }

    function read(
        bytes calldata items,
        uint64 originChainId,
        address originGateway,
        uint64 destinationChainId,
        address destinationGateway,
        uint256 first
    ) external pure returns (bytes32[] memory, uint256) {
        Items.Range memory range = Items.read(
            items, toGatewayId(originChainId, originGateway), toGatewayId(destinationChainId, destinationGateway), first
        );
        return (range.leaves, range.carried);
    }
}
