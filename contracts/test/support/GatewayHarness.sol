// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitments} from "../../src/gateway/Commitments.sol";
import {Facts} from "../../src/gateway/Facts.sol";
import {toGatewayId} from "../../src/gateway/GatewayId.sol";
import {Items} from "../../src/gateway/Items.sol";
import {LaneTree} from "../../src/gateway/LaneTree.sol";
import {Message, Messages} from "../../src/gateway/Messages.sol";
import {Commitment} from "../../src/interfaces/IGateway.sol";
import {IGatewayHarness} from "./IGatewayHarness.sol";
import {Sent} from "./Wire.sol";

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

    function frontier() external view returns (bytes memory joined) {
        uint64 count = tree.count;
        joined = abi.encodePacked(count);
        for (uint256 height = 0; height < LaneTree.DEPTH; ++height) {
            if ((count >> height) & 1 == 1) joined = bytes.concat(joined, tree.branch[height]);
        }
    }

    function setFrontier(bytes calldata frontier_) external {
        uint64 count = uint64(bytes8(frontier_));
        tree.count = count;
        uint256 at = 8;
        for (uint256 height = 0; height < LaneTree.DEPTH; ++height) {
            if ((count >> height) & 1 == 0) continue;
            tree.branch[height] = bytes32(frontier_[at:at + 32]);
            at += 32;
        }
    }

    function rangeRoot(bytes32[] calldata leaves, uint256 first, uint256 count, bytes calldata proof)
        external
        pure
        returns (bytes32)
    {
        return LaneTree.rangeRoot(leaves, first, count, proof);
    }

    function pathRoot(bytes32 leaf, uint256 sequence, uint256 count, bytes calldata path)
        external
        pure
        returns (bytes32)
    {
        return LaneTree.pathRoot(leaf, sequence, count, path);
    }

    function encode(Sent calldata sent) external pure returns (bytes memory) {
        Message memory message;
        (message.originChainId, message.originGateway) = (sent.originChainId, sent.originGateway);
        (message.destinationChainId, message.destinationGateway) = (sent.destinationChainId, sent.destinationGateway);
        (message.sequence, message.kind, message.gasLimit) = (sent.sequence, sent.kind, sent.gasLimit);
        (message.sender, message.recipient, message.payer) = (sent.sender, sent.recipient, sent.payer);
        (message.fee, message.after_) = (sent.fee, sent.after_);
        return Messages.encode(message, sent.payload);
    }

    function decode(bytes calldata canonical) external pure returns (Sent memory) {
        (Message memory message, bytes calldata payload) = Messages.decode(canonical);
        return _sent(message, payload);
    }

    function voidLeaf(bytes32 id) external pure returns (bytes32) {
        return Messages.voidLeaf(id);
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

    function messageAt(bytes calldata items, uint256 cursor) external pure returns (Sent memory sent, uint256 next) {
        Message memory message;
        bytes calldata payload;
        (payload, next) = Items.messageAt(items, cursor, message);
        sent = _sent(message, payload);
    }

    function digest(Commitment calldata commitment) external pure returns (bytes32) {
        return Commitments.digest(commitment);
    }

    function provesLane(
        Commitment calldata commitment,
        uint64 destinationChainId,
        address destinationGateway,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata proof
    ) external pure returns (bool) {
        return Commitments.provesLane(commitment, destinationChainId, destinationGateway, count, laneRoot, proof);
    }

    function feesKey(uint64 originChainId, address originGateway, address executor) external pure returns (bytes32) {
        return Facts.feesKey(toGatewayId(originChainId, originGateway), executor);
    }

    function provesFact(bytes32 root_, bytes32 key, bytes32 valueHash, bytes32[] calldata proof)
        external
        pure
        returns (bool)
    {
        return Facts.proves(root_, key, valueHash, proof);
    }

    function _sent(Message memory message, bytes calldata payload) private pure returns (Sent memory sent) {
        (sent.originChainId, sent.originGateway) = (message.originChainId, message.originGateway);
        (sent.destinationChainId, sent.destinationGateway) = (message.destinationChainId, message.destinationGateway);
        (sent.sequence, sent.kind) = (uint64(message.sequence), uint8(message.kind));
        (sent.gasLimit, sent.after_) = (uint32(message.gasLimit), uint64(message.after_));
        (sent.sender, sent.recipient, sent.payer) = (message.sender, message.recipient, message.payer);
        (sent.fee, sent.payload) = (message.fee, payload);
    }
}
