// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls} from "./Bls.sol";
import {CodeStore} from "./CodeStore.sol";

/// @title What a set of signers sums to
/// @param key The sum of their keys.
/// @param stake The sum of their stakes.
struct Sum {
    Bls.G2 key;
    uint256 stake;
}

/// @title Sums remembered as contract code
/// @notice A sum's address follows from the epoch and the bitmap alone, so that finding it reads no storage slot.
/// @dev A CREATE2 address depends on the init code, which therefore must not contain the sum: it is one constant program
/// that asks its creator for `pendingSum()` and becomes the answer, `00 ‖ key (192) ‖ stake (16)`.
library RememberedSums {
    uint256 private constant SIZE = 208;

    /// @dev Answer and STOP in words, as they lie in transient storage.
    uint256 private constant WORDS = 7;

    /// @dev mstore(0, selector); staticcall(gas, caller, 28, 4, 0, 0); returndatacopy(0, 64, 209); return(0, 209).
    /// 64 skips the answer's ABI header. A call that failed leaves too little to copy, which aborts the creation.
    bytes26 private constant INIT_CODE = hex"635910d7355f525f5f6004601c335afa60d160405f3e60d15ff3";
    bytes32 private constant INIT_CODE_HASH = 0x610b706642f7890d643a14903b65a7e856263a4b62f88e147a3988f6b0e15733;

    /// @notice Finds the sum of a bitmap's members.
    /// @return sum What was remembered; a sum of no stake if nothing was.
    function recall(uint64 epoch, bytes memory bitmap) internal view returns (Sum memory sum) {
        Bls.G2 memory key = sum.key;
        uint256 at;
        assembly ("memory-safe") {
            at := key
        }
        sum.stake = _read(_salt(epoch, bitmap), at);
    }

    /// @notice As `recall`, but writes the key to 256 zero bytes of memory.
    /// @return stake 0 if nothing was remembered; then the key is infinity.
    function recallTo(uint256 key, uint64 epoch, bytes calldata bitmap) internal view returns (uint256 stake) {
        bytes32 salt;
        // As `_salt`, from calldata.
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, shl(192, epoch))
            calldatacopy(add(start, 8), bitmap.offset, bitmap.length)
            salt := keccak256(start, add(bitmap.length, 8))
        }
        return _read(salt, key);
    }

    /// @notice Remembers the sum of a bitmap's members, which must be right: it is never computed again.
    function remember(uint64 epoch, bytes memory bitmap, Sum memory sum) internal {
        bytes memory key = new bytes(Bls.PACKED_G2_SIZE);
        Bls.packG2(sum.key, key);
        _setPending(abi.encodePacked(hex"00", key, uint128(sum.stake)));

        bytes32 salt = _salt(epoch, bitmap);
        bytes26 initCode = INIT_CODE;
        address at;
        assembly ("memory-safe") {
            mstore(0, initCode)
            at := create2(0, 0, 26, salt)
        }
        if (at == address(0)) revert CodeStore.NotStored();
    }

    /// @notice The code of the sum that is being remembered; what the creator answers to `pendingSum()`.
    function pending() internal view returns (bytes memory code) {
        code = new bytes(SIZE + 1);
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, WORDS) { i := add(i, 1) } { mstore(add(add(code, 32), mul(i, 32)), tload(i)) }
        }
    }

    /// @dev Left there until the transaction ends: nobody reads it but the init code, right after it was set.
    function _setPending(bytes memory code) private {
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, WORDS) { i := add(i, 1) } { tstore(i, mload(add(add(code, 32), mul(i, 32)))) }
        }
    }

    function _salt(uint64 epoch, bytes memory bitmap) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(epoch, bitmap));
    }

    /// @dev Unpacks the key that is remembered under a salt to `key`.
    function _read(bytes32 salt, uint256 key) private view returns (uint256 stake) {
        bytes32 initCodeHash = INIT_CODE_HASH;
        assembly ("memory-safe") {
            // CREATE2's address: the end of H(0xff ‖ creator ‖ salt ‖ H(init code)).
            let data := mload(0x40)
            mstore(data, or(shl(248, 0xff), shl(88, address())))
            mstore(add(data, 21), salt)
            mstore(add(data, 53), initCodeHash)
            // Code that is not there reads as zeros.
            extcodecopy(keccak256(data, 85), data, 1, SIZE)
            mcopy(add(key, 16), data, 48)
            mcopy(add(key, 80), add(data, 48), 48)
            mcopy(add(key, 144), add(data, 96), 48)
            mcopy(add(key, 208), add(data, 144), 48)
            stake := shr(128, mload(add(data, 192)))
        }
    }
}
