// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {GatewayId} from "./GatewayId.sol";

/// @title Membership in the sparse Merkle map of an origin's facts (docs/protocol.md §5)
library Facts {
    bytes32 private constant FACT_TAG = keccak256("metalayer/fact");
    bytes32 private constant FEES_TAG = keccak256("metalayer/facts/fees");
    uint8 private constant VERSION = 1;
    uint256 private constant PROOF_MAX = 256;

    /// @dev The key under which a destination remembers what an executor earned for an origin's messages.
    function feesKey(GatewayId origin, address executor) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(FEES_TAG, VERSION, origin, executor));
    }

    /// @dev Whether the map with this root has `valueHash` under `key`. `proof` are the siblings from the leaf's parent up.
    function proves(bytes32 root, bytes32 key, bytes32 valueHash, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        uint256 depth = proof.length;
        if (root == 0 || depth > PROOF_MAX) return false;
        bytes32 node = keccak256(abi.encodePacked(FACT_TAG, VERSION, key, valueHash));
        for (uint256 i = 0; i < depth; ++i) {
            uint256 level = depth - 1 - i;
            bool right = (uint256(key) >> (255 - level)) & 1 == 1;
            node = right ? Hashes.efficientKeccak256(proof[i], node) : Hashes.efficientKeccak256(node, proof[i]);
        }
        return node == root;
    }
}
