// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Equation, HASH_AT, newEquation, writeNegatedGenerator} from "./Equation.sol";
import {Precompiles} from "./Precompiles.sol";

/// @title BLS12-381 with signatures in G1 and keys in G2
/// @notice Points, their sums, and the pairing that decides.
/// @dev A point in memory is exactly EIP-2537's encoding: 64 bytes a coordinate, of which the upper 16 are zero. What
/// travels and is stored is packed: 48 bytes a coordinate, in the same order (docs/protocol.md §7). The precompiles accept
/// the point at infinity everywhere; refusing it is the callers' duty, with `isInfinity`.
library Bls {
    struct G1 {
        uint256 xHigh;
        uint256 xLow;
        uint256 yHigh;
        uint256 yLow;
    }

    struct G2 {
        uint256 x0High;
        uint256 x0Low;
        uint256 x1High;
        uint256 x1Low;
        uint256 y0High;
        uint256 y0Low;
        uint256 y1High;
        uint256 y1Low;
    }

    uint256 internal constant PACKED_G1_SIZE = 96;
    uint256 internal constant PACKED_G2_SIZE = 192;

    uint256 private constant G1_SIZE = 128;
    uint256 private constant G2_SIZE = 256;
    /// @dev A point of G2 and its scalar.
    uint256 private constant MSM_TERM_SIZE = 288;

    /// @dev The field's modulus p: its upper 16 and its lower 32 bytes.
    uint256 internal constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 internal constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    /// @notice Whether `key` signed what hashes to `hash`. Reverts on a point outside its subgroup.
    function verify(G1 memory signature, G1 memory hash, G2 memory key) internal view returns (bool) {
        Equation equation = newEquation();
        uint256 at = Equation.unwrap(equation);
        assembly ("memory-safe") {
            mcopy(at, signature, G1_SIZE)
            mcopy(add(at, HASH_AT), hash, G1_SIZE)
        }
        equation.setKey(key);
        return equation.holds();
    }

    /// @notice a + b in G1. Reverts unless both are on the curve; subgroups are not checked.
    function add(G1 memory a, G1 memory b) internal view returns (G1 memory sum) {
        uint256 terms = _scratch();
        uint256 output;
        assembly ("memory-safe") {
            mcopy(terms, a, G1_SIZE)
            mcopy(add(terms, G1_SIZE), b, G1_SIZE)
            output := sum
        }
        Precompiles.invoke(Precompiles.G1_ADD, Precompiles.G1_ADD_GAS, terms, 2 * G1_SIZE, output, G1_SIZE);
    }

    /// @notice Adds `b` to `a` in G2. Reverts unless both are on the curve; subgroups are not checked.
    function addTo(G2 memory a, G2 memory b) internal view {
        uint256 terms = _scratch();
        uint256 output;
        assembly ("memory-safe") {
            mcopy(terms, a, G2_SIZE)
            mcopy(add(terms, G2_SIZE), b, G2_SIZE)
            output := a
        }
        Precompiles.invoke(Precompiles.G2_ADD, Precompiles.G2_ADD_GAS, terms, 2 * G2_SIZE, output, G2_SIZE);
    }

    /// @notice The sum of the packed keys at the start of each entry. Reverts unless every key is in the subgroup.
    /// @dev One multiplication with all scalars 1: adding alone would let points outside the subgroup through.
    /// @param entries Entries of `size` bytes each, of which the first 192 are a key.
    function sumInSubgroup(bytes calldata entries, uint256 size) internal view returns (G2 memory sum) {
        uint256 count = entries.length / size;
        bytes memory terms = new bytes(count * MSM_TERM_SIZE);
        uint256 input;
        uint256 output;
        assembly ("memory-safe") {
            input := add(terms, 32)
            output := sum
            let term := input
            let key := entries.offset
            for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                calldatacopy(add(term, 16), key, 48)
                calldatacopy(add(term, 80), add(key, 48), 48)
                calldatacopy(add(term, 144), add(key, 96), 48)
                calldatacopy(add(term, 208), add(key, 144), 48)
                mstore(add(term, G2_SIZE), 1)
                term := add(term, MSM_TERM_SIZE)
                key := add(key, size)
            }
        }
        Precompiles.invoke(Precompiles.G2_MSM, count * Precompiles.G2_MSM_GAS, input, terms.length, output, G2_SIZE);
    }

    /// @notice -a. Infinity is its own negative.
    function negate(G2 memory a) internal pure returns (G2 memory) {
        (uint256 y0High, uint256 y0Low) = _negate(a.y0High, a.y0Low);
        (uint256 y1High, uint256 y1Low) = _negate(a.y1High, a.y1Low);
        return G2(a.x0High, a.x0Low, a.x1High, a.x1Low, y0High, y0Low, y1High, y1Low);
    }

    /// @notice Whether `a` is the point at infinity, which is encoded as zeros.
    function isInfinity(G1 memory a) internal pure returns (bool) {
        return (a.xHigh | a.xLow | a.yHigh | a.yLow) == 0;
    }

    /// @notice Whether `a` is the point at infinity, which is encoded as zeros.
    function isInfinity(G2 memory a) internal pure returns (bool) {
        uint256 x = a.x0High | a.x0Low | a.x1High | a.x1Low;
        return (x | a.y0High | a.y0Low | a.y1High | a.y1Low) == 0;
    }

    /// @notice The point of G1 packed in the first 96 bytes of `packed`.
    function unpackG1(bytes calldata packed) internal pure returns (G1 memory a) {
        assembly ("memory-safe") {
            calldatacopy(add(a, 16), packed.offset, 48)
            calldatacopy(add(a, 80), add(packed.offset, 48), 48)
        }
    }

    /// @notice Writes the point of G2 packed in the first 192 bytes of `packed` to `a`.
    function unpackG2(bytes memory packed, G2 memory a) internal pure {
        assembly ("memory-safe") {
            mcopy(add(a, 16), add(packed, 32), 48)
            mcopy(add(a, 80), add(packed, 80), 48)
            mcopy(add(a, 144), add(packed, 128), 48)
            mcopy(add(a, 208), add(packed, 176), 48)
        }
    }

    /// @notice Packs `a` into the first 192 bytes of `packed`.
    function packG2(G2 memory a, bytes memory packed) internal pure {
        assembly ("memory-safe") {
            mcopy(add(packed, 32), add(a, 16), 48)
            mcopy(add(packed, 80), add(a, 80), 48)
            mcopy(add(packed, 128), add(a, 144), 48)
            mcopy(add(packed, 176), add(a, 208), 48)
        }
    }

    /// @notice The negative of G2's generator: a key whose secret is -1.
    function negatedGenerator() internal pure returns (G2 memory generator) {
        uint256 at;
        assembly ("memory-safe") {
            at := generator
        }
        writeNegatedGenerator(at);
    }

    /// @dev Memory beyond the free pointer, for input that is used up before anything else is allocated.
    function _scratch() private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := mload(0x40)
        }
    }

    /// @dev -a in the field, for a below p.
    function _negate(uint256 high, uint256 low) private pure returns (uint256, uint256) {
        if ((high | low) == 0) return (0, 0);
        unchecked {
            uint256 borrow = low > P_LOW ? 1 : 0;
            return (P_HIGH - high - borrow, P_LOW - low);
        }
    }
}
