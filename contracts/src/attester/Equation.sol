// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls} from "./Bls.sol";
import {Precompiles} from "./Precompiles.sol";

/// @notice e(signature, -generator) · e(hash, key) = 1: that the key signed what was hashed.
/// @dev The address in memory of its four points, one after the other as the pairing takes them. Each point is written where
/// it will be read: allocating and copying them cost more than everything else around the precompiles.
type Equation is uint256;

using {setSignature, setKey, keyAt, hashAt, hasInfinity, holds} for Equation global;

uint256 constant GENERATOR_AT = 128;
uint256 constant HASH_AT = 384;
uint256 constant KEY_AT = 512;
uint256 constant EQUATION_SIZE = 768;

/// @notice An equation without signature, hash and key.
function newEquation() pure returns (Equation equation) {
    uint256 at;
    assembly ("memory-safe") {
        at := mload(0x40)
        mstore(0x40, add(at, EQUATION_SIZE))
        // Packed points leave out the upper 16 bytes of each coordinate.
        calldatacopy(at, calldatasize(), EQUATION_SIZE)
    }
    writeNegatedGenerator(at + GENERATOR_AT);
    return Equation.wrap(at);
}

/// @notice Takes the signature from its packed 96 bytes.
function setSignature(Equation equation, bytes calldata packed) pure {
    assembly ("memory-safe") {
        calldatacopy(add(equation, 16), packed.offset, 48)
        calldatacopy(add(equation, 80), add(packed.offset, 48), 48)
    }
}

/// @notice Takes the key.
function setKey(Equation equation, Bls.G2 memory key) pure {
    assembly ("memory-safe") {
        mcopy(add(equation, KEY_AT), key, 256)
    }
}

/// @notice Where in memory the key is to be written.
function keyAt(Equation equation) pure returns (uint256) {
    return Equation.unwrap(equation) + KEY_AT;
}

/// @notice Where in memory the hash is to be written.
function hashAt(Equation equation) pure returns (uint256) {
    return Equation.unwrap(equation) + HASH_AT;
}

/// @notice Whether key or signature is the point at infinity, which is encoded as zeros.
function hasInfinity(Equation equation) pure returns (bool infinite) {
    assembly ("memory-safe") {
        let key := add(equation, KEY_AT)
        let x := or(or(mload(key), mload(add(key, 32))), or(mload(add(key, 64)), mload(add(key, 96))))
        let y := or(or(mload(add(key, 128)), mload(add(key, 160))), or(mload(add(key, 192)), mload(add(key, 224))))
        let signature :=
            or(or(mload(equation), mload(add(equation, 32))), or(mload(add(equation, 64)), mload(add(equation, 96))))
        infinite := or(iszero(or(x, y)), iszero(signature))
    }
}

/// @notice Whether it holds. Reverts on a point outside its subgroup, which the precompile refuses. To be asked once: the
/// answer takes the place of the question.
function holds(Equation equation) view returns (bool yes) {
    uint256 at = Equation.unwrap(equation);
    Precompiles.invoke(Precompiles.PAIRING, Precompiles.PAIRING_GAS, at, EQUATION_SIZE, at, 32);
    assembly ("memory-safe") {
        yes := eq(mload(equation), 1)
    }
}

/// @notice Writes the negative of G2's generator to `at`: a key whose secret is -1.
function writeNegatedGenerator(uint256 at) pure {
    assembly ("memory-safe") {
        mstore(at, 0x024aa2b2f08f0a91260805272dc51051)
        mstore(add(at, 32), 0xc6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8)
        mstore(add(at, 64), 0x13e02b6052719f607dacd3a088274f65)
        mstore(add(at, 96), 0x596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e)
        mstore(add(at, 128), 0x0d1b3cc2c7027888be51d9ef691d77bc)
        mstore(add(at, 160), 0xb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa)
        mstore(add(at, 192), 0x13fa4d4a0ad8b1ce186ed5061789213d)
        mstore(add(at, 224), 0x993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed)
    }
}
