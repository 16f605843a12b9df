// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Commitment} from "../interfaces/IGateway.sol";

/// @title The digest that attesters sign, and the lanes that it commits to (docs/protocol.md §4, §6)
library Commitments {
    /// @dev keccak256 of the type as EIP-712 spells it.
    bytes32 private constant TYPE_HASH = keccak256(
        "Commitment(uint32 version,bytes32 network,uint64 originChainId,address originGateway,uint64 blockNumber,bytes32 blockHash,bytes32 lanesRoot,bytes32 factsRoot)"
    );
    /// @dev Of the domain with name `Metalayer` and version `1`. Neither chain nor contract are in it: one signature serves
    /// every destination, and the network stands in the commitment.
    bytes32 private constant DOMAIN_SEPARATOR = 0x78edb0edec4f3c72de8fc871f6ff911deb2e61f02e62a8fe0333028274d18e17;
    bytes32 private constant LANE_TAG = keccak256("metalayer/lane");
    uint8 private constant LANE_VERSION = 1;
    uint256 private constant PROOF_MAX = 32;

    function digest(Commitment calldata commitment) internal pure returns (bytes32) {
        bytes32 typeHash = TYPE_HASH;
        bytes32 structHash;
        // The fields are all words and lie one after the other. Bits that a field should not have make another digest.
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, typeHash)
            calldatacopy(add(start, 0x20), commitment, 0x100)
            structHash := keccak256(start, 0x120)
        }
        return MessageHashUtils.toTypedDataHash(DOMAIN_SEPARATOR, structHash);
    }

    /// @dev Whether the commitment's origin has a lane to this destination with this count and root.
    function provesLane(
        Commitment calldata commitment,
        uint64 destinationChainId,
        address destinationGateway,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata proof
    ) internal pure returns (bool) {
        if (proof.length > PROOF_MAX) return false;
        bytes32 leaf = keccak256(
            abi.encodePacked(LANE_TAG, LANE_VERSION, destinationChainId, destinationGateway, count, laneRoot)
        );
        return MerkleProof.verifyCalldata(proof, commitment.lanesRoot, leaf);
    }
}
