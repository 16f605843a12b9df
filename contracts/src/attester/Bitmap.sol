// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Sets of members as bits
/// @notice Member i is bit 7 - (i mod 8) of byte ⌊i / 8⌋. Unused bits of the last byte are zero (docs/protocol.md §7).
library Bitmap {
    /// @dev How many bits are set in 15, 14, … 0.
    uint256 private constant NIBBLE_COUNTS = 0x4332322132212110;

    /// @notice Whether `bitmap` has exactly one bit a member, and no bit beyond.
    function isCanonical(bytes calldata bitmap, uint256 members) internal pure returns (bool) {
        if (bitmap.length != (members + 7) / 8) return false;
        uint256 used = members % 8;
        return used == 0 || uint8(bitmap[bitmap.length - 1]) << used == 0;
    }

    /// @notice The first `number` of `members`.
    function first(uint256 number, uint256 members) internal pure returns (bytes memory bitmap) {
        bitmap = new bytes((members + 7) / 8);
        for (uint256 i = 0; i < number / 8; ++i) {
            bitmap[i] = 0xff;
        }
        if (number % 8 != 0) bitmap[number / 8] = ~(bytes1(0xff) >> (number % 8));
    }

    /// @notice Those of `members` who are not in `bitmap`.
    function complement(bytes memory bitmap, uint256 members) internal pure returns (bytes memory others) {
        others = first(members, members);
        for (uint256 i = 0; i < others.length; ++i) {
            others[i] ^= bitmap[i];
        }
    }

    /// @notice How many are in `bitmap`.
    function count(bytes memory bitmap) internal pure returns (uint256 total) {
        for (uint256 i = 0; i < bitmap.length; ++i) {
            uint256 bits = uint8(bitmap[i]);
            total += (NIBBLE_COUNTS >> 4 * (bits & 0xf)) & 0xf;
            total += (NIBBLE_COUNTS >> 4 * (bits >> 4)) & 0xf;
        }
    }
}
