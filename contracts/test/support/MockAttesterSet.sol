// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title An AttesterSet whose quorum is a switch
/// @dev For tests in which signatures do not matter. A proof is the digest that it claims a quorum signed.
contract MockAttesterSet {
    struct Announced {
        uint64 epoch;
        bytes32 tableHash;
        uint64 activatesAt;
        uint64 expiresAt;
    }

    mapping(bytes32 digest => bool) public signed;
    Announced public announced;

    error SignatureInvalid();

    function sign(bytes32 digest) external {
        signed[digest] = true;
    }

    function verify(bytes32 digest, bytes calldata proof) external view {
        if (!signed[digest] || keccak256(proof) != keccak256(abi.encode(digest))) revert SignatureInvalid();
    }

    function announce(uint64 epoch, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) external {
        announced = Announced(epoch, tableHash, activatesAt, expiresAt);
    }
}
