// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IGateway} from "../interfaces/IGateway.sol";

/// @title The one call that a delivery makes: `receiveMessage` of ERC-7786
library RecipientCall {
    /// @dev What must be left beside the recipient's gas: the call itself with the longest payload, a failure stored and logged.
    uint256 private constant RESERVE = 40_000;

    /// @dev Reverts unless the recipient will surely get `gasLimit`: CALL hands over at most 63/64 of what is left and says
    /// nothing when that is less than was asked for.
    function requireGas(uint256 gasLimit) internal view {
        unchecked {
            uint256 needed = gasLimit + gasLimit / 63 + RESERVE;
            if (gasleft() < needed) revert IGateway.GasTooLow(needed);
        }
    }

    /// @param senderPrefix The sender's interoperable address without its last 20 bytes (`Interoperable.prefix`).
    /// @param gasGiven Gas of the call, at most what is left.
    /// @return success Whether the recipient did not revert and answered with the selector. One without code does not answer.
    /// @return reason The first word of what it returned; never more of it is copied.
    function receiveMessage(
        address recipient,
        uint256 gasGiven,
        bytes32 id,
        bytes32 senderPrefix,
        address sender,
        bytes calldata payload
    ) internal returns (bool success, bytes32 reason) {
        bytes4 selector = IERC7786Recipient.receiveMessage.selector;
        // abi.encodeCall(receiveMessage, (id, sender, payload)) into memory that is not kept. The sender is 27 to 34 bytes
        // long, so it takes one word or two; both are written, and the second is overwritten if it is not needed.
        assembly ("memory-safe") {
            let start := mload(0x40)
            let prefixLength := add(byte(4, senderPrefix), 6)
            let senderSpace := and(add(add(prefixLength, 20), 31), not(31))
            mstore(start, shr(224, selector))
            mstore(add(start, 0x20), id)
            mstore(add(start, 0x40), 0x60)
            mstore(add(start, 0x60), add(0x80, senderSpace))
            mstore(add(start, 0x80), add(prefixLength, 20))
            let account := shl(96, sender)
            mstore(add(start, 0xa0), or(senderPrefix, shr(shl(3, prefixLength), account)))
            mstore(add(start, 0xc0), shl(sub(256, shl(3, prefixLength)), account))
            let tail := add(add(start, 0xa0), senderSpace)
            mstore(tail, payload.length)
            tail := add(tail, 0x20)
            calldatacopy(tail, payload.offset, payload.length)
            mstore(add(tail, payload.length), 0)
            let end := add(tail, and(add(payload.length, 31), not(31)))

            mstore(0x00, 0)
            success := call(gasGiven, recipient, 0, add(start, 0x1c), sub(end, add(start, 0x1c)), 0x00, 0x20)
            reason := mload(0x00)
            success := and(success, and(gt(returndatasize(), 31), eq(reason, selector)))
        }
    }
}
