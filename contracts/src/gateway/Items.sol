// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {GatewayId} from "./GatewayId.sol";
import {Message, Messages} from "./Messages.sol";

/// @title What a delivery carries: a packed string of items, one a leaf (docs/protocol.md §2)
/// @dev Read twice. `read` checks every byte and hashes; the readers below it trust that it did.
///
///     0x00 ‖ leaf                a bare leaf, left for another time
///     0x01 ‖ id                  a void message
///     0x80|f ‖ kind (1) ‖ payload length (2) ‖ gas limit (4) ‖ sender (20) ‖ recipient (20)
///            [‖ payer (20) if f & 1] [‖ fee (16) if f & 2] [‖ after (8) if f & 4] ‖ payload
library Items {
    uint256 internal constant ITEMS_MAX = 256;
    /// @dev Length of a bare leaf and of a void.
    uint256 private constant MARKER = 33;
    uint256 private constant VOID = 0x01;
    uint256 private constant MESSAGE = 0x80;

    /// @dev What a range carries. In memory rather than in variables: the compiler has no stack to spare around the loops.
    struct Range {
        /// The sequence of the first item.
        uint256 first;
        /// The leaf of every item.
        bytes32[] leaves;
        /// Bit i: item i is a message or a void, not a bare leaf.
        uint256 carried;
        /// Where canonical bytes are put together; nothing of it is needed afterwards.
        uint256 scratch;
    }

    /// @dev Checks every byte of the items, and hashes.
    function read(bytes calldata items, GatewayId origin, GatewayId destination, uint256 first)
        internal
        pure
        returns (Range memory range)
    {
        range.first = first;
        _reserve(range, items.length);
        _writeStart(range.scratch, origin, destination);
        bytes32[] memory leaves = range.leaves;
        uint256 cursor;
        while (cursor < items.length) {
            if (leaves.length == ITEMS_MAX) revert IGateway.TooManyItems();
            cursor = _readItem(items, cursor, range, leaves);
        }
        assembly ("memory-safe") {
            mstore(0x40, add(add(leaves, 0x20), shl(5, mload(leaves))))
        }
    }

    function isMessage(bytes calldata items, uint256 cursor) internal pure returns (bool) {
        return _flagsAt(items, cursor) & MESSAGE != 0;
    }

    /// @dev The id of a void, or a bare leaf, and where the next item begins.
    function markerAt(bytes calldata items, uint256 cursor) internal pure returns (bytes32 marker, uint256 next) {
        assembly ("memory-safe") {
            marker := calldataload(add(add(items.offset, cursor), 1))
        }
        unchecked {
            next = cursor + MARKER;
        }
    }

    /// @dev Fills in what running the message needs (kind, gas limit, sender, recipient, `after_`), and says where its
    /// payload is and the next item begins.
    function messageAt(bytes calldata items, uint256 cursor, Message memory message)
        internal
        pure
        returns (bytes calldata payload, uint256 next)
    {
        assembly ("memory-safe") {
            let at := add(items.offset, cursor)
            let word := calldataload(at)
            let flags := byte(0, word)
            // Where the fields lie in `Message`, a word each.
            mstore(add(message, 0xa0), byte(1, word))
            mstore(add(message, 0xc0), and(shr(192, word), 0xffffffff))
            mstore(add(message, 0xe0), shr(96, calldataload(add(at, 8))))
            mstore(add(message, 0x100), shr(96, calldataload(add(at, 28))))
            mstore(add(message, 0x160), 0)
            // 48 fixed bytes, then 20, 16 and 8 of the optional fields that are there.
            at := add(at, add(48, add(mul(20, and(flags, 1)), shl(3, and(flags, 2)))))
            if and(flags, 4) {
                mstore(add(message, 0x160), shr(192, calldataload(at)))
                at := add(at, 8)
            }
            payload.offset := at
            payload.length := and(shr(224, word), 0xffff)
            next := sub(add(at, payload.length), items.offset)
        }
    }

    function _flagsAt(bytes calldata items, uint256 cursor) private pure returns (uint256 flags) {
        assembly ("memory-safe") {
            flags := byte(0, calldataload(add(items.offset, cursor)))
        }
    }

    /// @dev Room for as many leaves as can fit, and behind it for the longest canonical bytes; `read` gives back what was
    /// not used. Neither is zeroed: that would cost as much as the hashing.
    function _reserve(Range memory range, uint256 length) private pure {
        uint256 room = length / MARKER;
        if (room > ITEMS_MAX) room = ITEMS_MAX;
        bytes32[] memory leaves;
        uint256 scratch;
        assembly ("memory-safe") {
            leaves := mload(0x40)
            mstore(leaves, 0)
            scratch := add(add(leaves, 0x20), shl(5, room))
            mstore(0x40, add(scratch, add(length, 0x100)))
        }
        (range.leaves, range.scratch) = (leaves, scratch);
    }

    /// @dev Appends the leaf of one item.
    function _readItem(bytes calldata items, uint256 cursor, Range memory range, bytes32[] memory leaves)
        private
        pure
        returns (uint256 next)
    {
        uint256 index = leaves.length;
        bytes32 leaf;
        uint256 carried = 1;
        if (isMessage(items, cursor)) {
            unchecked {
                (leaf, next) = _idAt(items, cursor, range.first + index, range.scratch);
            }
        } else {
            (leaf, next) = _markedLeafAt(items, cursor);
            carried = _flagsAt(items, cursor);
        }
        if (leaf == 0) revert IGateway.ItemMalformed(index);
        range.carried |= carried << index;
        assembly ("memory-safe") {
            mstore(leaves, add(index, 1))
            mstore(add(leaves, shl(5, add(index, 1))), leaf)
        }
    }

    /// @dev The bytes of a message's canonical form that are the same for a whole range.
    function _writeStart(uint256 scratch, GatewayId from, GatewayId to) private pure {
        bytes32 tag = Messages.TAG;
        assembly ("memory-safe") {
            mstore(scratch, tag)
            mstore8(add(scratch, 32), 1)
            mstore(add(scratch, 33), from)
            mstore(add(scratch, 61), to)
        }
    }

    /// @return leaf Zero if the item is malformed; no keccak256 and no attested leaf is.
    function _markedLeafAt(bytes calldata items, uint256 cursor) private pure returns (bytes32 leaf, uint256 next) {
        uint256 flags = _flagsAt(items, cursor);
        (leaf, next) = markerAt(items, cursor);
        if (flags > VOID || next > items.length) return (0, next);
        if (flags == VOID) leaf = Messages.voidLeaf(leaf);
    }

    /// @dev Puts the item's fields where the canonical bytes have them (offsets: docs/protocol.md §2) and hashes.
    /// @return id Zero if the item is malformed.
    function _idAt(bytes calldata items, uint256 cursor, uint256 sequence, uint256 scratch)
        private
        pure
        returns (bytes32 id, uint256 next)
    {
        assembly ("memory-safe") {
            let at := add(items.offset, cursor)
            let word := calldataload(at)
            let flags := and(byte(0, word), 0x7f)
            let length := and(shr(224, word), 0xffff)
            let canonical := and(lt(flags, 8), and(lt(byte(1, word), 5), lt(length, 32769)))

            // Sequence and kind, then gas limit, sender and recipient as they stand in the item; the payer is the sender
            // and fee and `after` are 0 unless they are given.
            mstore(add(scratch, 89), or(shl(192, sequence), shl(184, byte(1, word))))
            calldatacopy(add(scratch, 98), add(at, 4), 44)
            mcopy(add(scratch, 142), add(scratch, 102), 20)
            mstore(add(scratch, 162), 0)
            at := add(at, 48)
            if and(flags, 1) {
                let payer := shr(96, calldataload(at))
                canonical := and(canonical, iszero(eq(payer, shr(96, mload(add(scratch, 102))))))
                calldatacopy(add(scratch, 142), at, 20)
                at := add(at, 20)
            }
            if and(flags, 2) {
                canonical := and(canonical, iszero(iszero(shr(128, calldataload(at)))))
                calldatacopy(add(scratch, 162), at, 16)
                at := add(at, 16)
            }
            if and(flags, 4) {
                // Neither 0 nor a sequence that comes later.
                let afterPlusOne := shr(192, calldataload(at))
                canonical := and(canonical, lt(sub(afterPlusOne, 1), sequence))
                calldatacopy(add(scratch, 178), at, 8)
                at := add(at, 8)
            }
            next := sub(add(at, length), items.offset)
            if and(canonical, iszero(gt(next, items.length))) {
                calldatacopy(add(scratch, 186), at, length)
                id := keccak256(scratch, add(186, length))
            }
        }
    }
}
