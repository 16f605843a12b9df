// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";

/// @title Interoperable addresses of EVM chains in minimal form (ERC-7930)
/// @dev `0x0001 0000 ‖ length of the chain reference ‖ chain reference ‖ 20 ‖ address`, the reference 1 to 8 bytes without a
/// leading zero. OpenZeppelin's reader also takes what is not minimal, and ids and events must have one form only.
library Interoperable {
    bytes4 private constant VERSION_1_EVM = 0x00010000;
    /// @dev Length of the shortest and the longest: with a reference of 1 and of 8 bytes.
    uint256 private constant LENGTH_MIN = 27;
    uint256 private constant LENGTH_MAX = 34;

    /// @dev Reverts on anything but the minimal form of an account on an EVM chain.
    function parse(bytes calldata recipient) internal pure returns (uint64 chainId, address account) {
        if (recipient.length < LENGTH_MIN || recipient.length > LENGTH_MAX) revert IGateway.RecipientMalformed();
        uint256 prefixBits = 8 * (recipient.length - 20);
        uint256 word;
        assembly ("memory-safe") {
            word := calldataload(recipient.offset)
            account := shr(96, calldataload(add(recipient.offset, sub(recipient.length, 20))))
        }
        chainId = uint64((word << 40) >> (304 - prefixBits));
        // Minimal if writing it again gives the same: versions, lengths and leading zeros are all in there.
        if (chainId == 0 || (word ^ uint256(prefix(chainId))) >> (256 - prefixBits) != 0) {
            revert IGateway.RecipientMalformed();
        }
    }

    /// @dev All that comes before the address, left-aligned; its fifth byte is the reference's length.
    function prefix(uint64 chainId) internal pure returns (bytes32) {
        uint256 bits = 8;
        while (bits < 64 && chainId >> bits != 0) bits += 8;
        return VERSION_1_EVM | bytes32((bits / 8) << 216) | bytes32(uint256(chainId) << (216 - bits))
            | bytes32(uint256(20) << (208 - bits));
    }

    function format(uint64 chainId, address account) internal pure returns (bytes memory) {
        bytes32 start = prefix(chainId);
        uint256 startLength = uint8(start[4]) + 6;
        bytes memory both = abi.encodePacked(start, bytes32(0));
        assembly ("memory-safe") {
            // The account overwrites what lies behind the prefix, and the length cuts off the rest.
            let at := add(add(both, 0x20), startLength)
            mstore(at, shl(96, account))
            mstore(both, add(startLength, 20))
        }
        return both;
    }
}
