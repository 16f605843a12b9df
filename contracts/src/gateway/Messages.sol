// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {Kinds} from "./Kinds.sol";

/// @notice A message without its payload, which stays where it is (calldata or memory).
/// @dev The first three fields stand in the order of the data of `MessageDelivered`, which is logged straight from memory.
/// Numbers that the delivering loop reads are whole words: the compiler masks narrower ones each time.
struct Message {
    uint64 originChainId;
    address originGateway;
    uint256 sequence;
    uint64 destinationChainId;
    address destinationGateway;
    uint256 kind;
    uint256 gasLimit;
    address sender;
    address recipient;
    address payer;
    uint128 fee;
    /// 0, or 1 + the sequence that must be settled first (`after` itself is a reserved word).
    uint256 after_;
}

/// @title The canonical bytes of a message (docs/protocol.md §2)
library Messages {
    bytes32 internal constant TAG = keccak256("metalayer/message");
    bytes32 internal constant VOID_TAG = keccak256("metalayer/void");
    uint8 internal constant VERSION = 1;
    /// @dev Length of everything before the payload. Canonical bytes are longer than a tree node's 64, so no id is a node.
    uint256 internal constant HEADER = 186;
    uint256 internal constant PAYLOAD_MAX = 32_768;

    function encode(Message memory message, bytes memory payload) internal pure returns (bytes memory) {
        return abi.encodePacked(
            TAG,
            VERSION,
            message.originChainId,
            message.originGateway,
            message.destinationChainId,
            message.destinationGateway,
            uint64(message.sequence),
            uint8(message.kind),
            uint32(message.gasLimit),
            message.sender,
            message.recipient,
            message.payer,
            message.fee,
            uint64(message.after_),
            payload
        );
    }

    /// @dev Every canonical encoding has one message: the header is of fixed width and the payload is the rest.
    function decode(bytes calldata canonical) internal pure returns (Message memory message, bytes calldata payload) {
        if (canonical.length < HEADER || canonical.length > HEADER + PAYLOAD_MAX) revert IGateway.MessageMalformed();
        if (bytes32(canonical[0:32]) != TAG || uint8(canonical[32]) != VERSION) revert IGateway.MessageMalformed();
        message.originChainId = uint64(_field(canonical, 33, 8));
        message.originGateway = address(uint160(_field(canonical, 41, 20)));
        message.destinationChainId = uint64(_field(canonical, 61, 8));
        message.destinationGateway = address(uint160(_field(canonical, 69, 20)));
        message.sequence = _field(canonical, 89, 8);
        message.kind = _field(canonical, 97, 1);
        message.gasLimit = _field(canonical, 98, 4);
        message.sender = address(uint160(_field(canonical, 102, 20)));
        message.recipient = address(uint160(_field(canonical, 122, 20)));
        message.payer = address(uint160(_field(canonical, 142, 20)));
        message.fee = uint128(_field(canonical, 162, 16));
        message.after_ = _field(canonical, 178, 8);
        payload = canonical[HEADER:];
        if (message.kind > Kinds.CONTROL || message.after_ > message.sequence) revert IGateway.MessageMalformed();
    }

    /// @dev The leaf of a message that was judged void. No id can equal it: 65 bytes are hashed, under a tag of its own.
    function voidLeaf(bytes32 id) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(VOID_TAG, VERSION, id));
    }

    /// @dev `length` bytes at `offset`, as a number. Only after the length of the whole was checked.
    function _field(bytes calldata canonical, uint256 offset, uint256 length) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, length)), calldataload(add(canonical.offset, offset)))
        }
    }
}
