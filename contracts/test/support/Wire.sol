// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment} from "../../src/interfaces/IGateway.sol";

/// @dev A whole message.
struct Sent {
    uint64 originChainId;
    address originGateway;
    uint64 destinationChainId;
    address destinationGateway;
    uint64 sequence;
    uint8 kind;
    uint32 gasLimit;
    address sender;
    address recipient;
    address payer;
    uint128 fee;
    uint64 after_;
    bytes payload;
}

/// @title docs/protocol.md written down a second time, as plainly as it can be
/// @dev Shares no code with src/, so that a mistake there is not repeated here.
library Wire {
    function canonical(Sent memory m) internal pure returns (bytes memory) {
        bytes memory ends = abi.encodePacked(
            keccak256("metalayer/message"),
            uint8(1),
            m.originChainId,
            m.originGateway,
            m.destinationChainId,
            m.destinationGateway,
            m.sequence
        );
        return abi.encodePacked(ends, m.kind, m.gasLimit, m.sender, m.recipient, m.payer, m.fee, m.after_, m.payload);
    }

    function id(Sent memory m) internal pure returns (bytes32) {
        return keccak256(canonical(m));
    }

    function voidLeaf(bytes32 id_) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256("metalayer/void"), uint8(1), id_));
    }

    function item(Sent memory m) internal pure returns (bytes memory) {
        uint8 flags = 0x80;
        bytes memory options;
        if (m.payer != m.sender) {
            flags |= 1;
            options = abi.encodePacked(options, m.payer);
        }
        if (m.fee != 0) {
            flags |= 2;
            options = abi.encodePacked(options, m.fee);
        }
        if (m.after_ != 0) {
            flags |= 4;
            options = abi.encodePacked(options, m.after_);
        }
        return abi.encodePacked(
            flags, m.kind, uint16(m.payload.length), m.gasLimit, m.sender, m.recipient, options, m.payload
        );
    }

    function bareItem(bytes32 leaf) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(0), leaf);
    }

    function voidItem(bytes32 id_) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), id_);
    }

    /// @dev The node of the depth-32 tree over `leaves`, by definition.
    function node(bytes32[] memory leaves, uint256 height, uint256 index) internal pure returns (bytes32) {
        if (index << height >= leaves.length) return zero(height);
        if (height == 0) return leaves[index];
        return keccak256(abi.encode(node(leaves, height - 1, 2 * index), node(leaves, height - 1, 2 * index + 1)));
    }

    function zero(uint256 height) internal pure returns (bytes32 z) {
        for (uint256 i = 0; i < height; ++i) {
            z = keccak256(abi.encode(z, z));
        }
    }

    function laneRoot(bytes32[] memory leaves) internal pure returns (bytes32) {
        return node(leaves, 32, 0);
    }

    function rangeProof(bytes32[] memory leaves, uint256 first, uint256 length)
        internal
        pure
        returns (bytes memory proof)
    {
        uint256 lo = first;
        uint256 hi = first + length;
        for (uint256 i = 0; i < 32; ++i) {
            if (lo & 1 == 1) {
                lo -= 1;
                proof = abi.encodePacked(proof, node(leaves, i, lo));
            }
            if (hi & 1 == 1) {
                if (hi << i < leaves.length) proof = abi.encodePacked(proof, node(leaves, i, hi));
                hi += 1;
            }
            lo /= 2;
            hi /= 2;
        }
    }

    function laneLeaf(uint64 chainId, address gateway, uint64 count, bytes32 root) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256("metalayer/lane"), uint8(1), chainId, gateway, count, root));
    }

    function pair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function digest(Commitment memory c) internal pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("Metalayer"), keccak256("1"))
        );
        bytes32 typeHash = keccak256(
            "Commitment(uint32 version,bytes32 network,uint64 originChainId,address originGateway,uint64 blockNumber,bytes32 blockHash,bytes32 lanesRoot,bytes32 factsRoot)"
        );
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(abi.encode(typeHash, c))));
    }

    function fact(bytes32 key, bytes memory value) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256("metalayer/fact"), uint8(1), key, keccak256(value)));
    }

    function feesKey(uint64 chainId, address gateway, address executor) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256("metalayer/facts/fees"), uint8(1), chainId, gateway, executor));
    }

    /// @dev ERC-7930, minimal.
    function interoperable(uint64 chainId, address account) internal pure returns (bytes memory) {
        bytes memory digits;
        for (uint64 rest = chainId; rest != 0; rest >>= 8) {
            digits = abi.encodePacked(uint8(rest), digits);
        }
        return abi.encodePacked(hex"00010000", uint8(digits.length), digits, uint8(20), account);
    }
}
