// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls} from "./Bls.sol";
import {Precompiles} from "./Precompiles.sol";

/// @title Hashing bytes to a point of G1
/// @notice `hash_to_curve` of RFC 9380 for the suite BLS12381G1_XMD:SHA-256_SSWU_RO_, under any tag.
library HashToG1 {
    /// @notice The suite's domain separation tag is longer than 255 bytes.
    error TagTooLong();

    /// @notice The point of G1 that `message` hashes to.
    /// @param tag The domain separation tag (DST): what keeps one use of the hash apart from another.
    function hash(bytes memory message, bytes memory tag) internal view returns (Bls.G1 memory point) {
        uint256 at;
        assembly ("memory-safe") {
            at := point
        }
        hashTo(message, tag, at);
    }

    /// @notice Writes the point of G1 that `message` hashes to, to the memory at `point`.
    function hashTo(bytes memory message, bytes memory tag, uint256 point) internal view {
        uint256 uniform = _expand(message, tag);
        uint256 terms = uniform + 128;
        _map(uniform, terms);
        _map(uniform + 64, terms + 128);
        Precompiles.invoke(Precompiles.G1_ADD, Precompiles.G1_ADD_GAS, terms, 256, point, 128);
    }

    /// @dev `expand_message_xmd` with SHA-256 for 128 bytes: two field elements of 64. RFC 9380 §5.3.1.
    /// @return uniform Where they lie, beyond the free pointer.
    function _expand(bytes memory message, bytes memory tag) private view returns (uint256 uniform) {
        if (tag.length > 255) revert TagTooLong();
        // SHA-256's block of zeros, the message, the output's length, a zero octet, and the tag with its length.
        bytes memory input =
            abi.encodePacked(bytes32(0), bytes32(0), message, uint16(128), uint8(0), tag, uint8(tag.length));
        bool ok;
        assembly ("memory-safe") {
            uniform := mload(0x40)
            // SHA-256 refuses no input, so that its gas needs no bound.
            ok := staticcall(gas(), 2, add(input, 32), mload(input), 0x00, 32)
            ok := and(ok, eq(returndatasize(), 32))
            let first := mload(0x00)
            // The blocks that follow share the tag and are hashed in place: a hash and a counter, 33 bytes, before it.
            let size := add(mload(tag), 34)
            let start := add(add(input, 32), sub(mload(input), size))
            let previous := 0
            let output := uniform
            for { let i := 1 } lt(i, 5) { i := add(i, 1) } {
                mstore(start, xor(first, previous))
                mstore8(add(start, 32), i)
                ok := and(ok, staticcall(gas(), 2, start, size, output, 32))
                previous := mload(output)
                output := add(output, 32)
            }
        }
        if (!ok) revert Precompiles.PrecompileFailed(Precompiles.SHA256);
    }

    /// @dev `map_to_curve` and `clear_cofactor` of the 64-byte number at `element` modulo p, written to `output`.
    function _map(uint256 element, uint256 output) private view {
        uint256 modulusHigh = Bls.P_HIGH;
        uint256 modulusLow = Bls.P_LOW;
        uint256 input = output + 128;
        assembly ("memory-safe") {
            // Lengths, base, exponent 1, modulus.
            mstore(input, 64)
            mstore(add(input, 32), 1)
            mstore(add(input, 64), 64)
            mcopy(add(input, 96), element, 64)
            mstore8(add(input, 160), 1)
            mstore(add(input, 161), modulusHigh)
            mstore(add(input, 193), modulusLow)
        }
        Precompiles.invoke(Precompiles.MODEXP, Precompiles.MODEXP_GAS, input, 225, input, 64);
        Precompiles.invoke(Precompiles.MAP_FP_TO_G1, Precompiles.MAP_FP_TO_G1_GAS, input, 64, output, 128);
    }
}
