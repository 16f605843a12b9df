// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {Kinds} from "./Kinds.sol";
import {Message} from "./Messages.sol";

/// @title The attributes of a message that is sent (ERC-7786; docs/protocol.md §10)
/// @dev Only the exact ABI encoding of each is taken. What is not, a strict reader could not decode, and the lane would stick.
library Attributes {
    bytes4 internal constant GAS_LIMIT = bytes4(keccak256("gasLimit(uint256)"));
    bytes4 internal constant ORDERED = bytes4(keccak256("ordered()"));
    bytes4 internal constant PAYER = bytes4(keccak256("payer(address)"));
    bytes4 internal constant KIND = bytes4(keccak256("kind(uint8)"));
    bytes4 internal constant GATEWAY = bytes4(keccak256("gateway(address)"));
    /// @dev The gateway's own, appended to those given; nobody else may give it.
    bytes4 internal constant SENT =
        bytes4(keccak256("sent(bytes32,uint64,address,uint8,uint32,address,uint128,uint64)"));

    uint256 private constant GAS_LIMIT_DEFAULT = 200_000;

    /// @dev What the caller asked for, defaults filled in.
    struct Options {
        uint256 gasLimit;
        bool ordered;
        address payer;
        uint8 kind;
        /// Zero if not given.
        address gateway;
    }

    function isGivable(bytes4 selector) internal pure returns (bool) {
        return _bit(selector) != 0;
    }

    /// @param caller Who pays, unless a payer is given.
    function parse(bytes[] calldata attributes, address caller) internal pure returns (Options memory options) {
        options.gasLimit = GAS_LIMIT_DEFAULT;
        options.payer = caller;
        uint256 seen;
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes calldata attribute = attributes[i];
            bytes4 selector = bytes4(attribute);
            uint256 bit = attribute.length < 4 ? 0 : _bit(selector);
            if (bit == 0) revert IERC7786GatewaySource.UnsupportedAttribute(selector);
            if (seen & bit != 0) revert IGateway.AttributeRepeated(selector);
            seen |= bit;
            if (attribute.length != (selector == ORDERED ? 4 : 36)) revert IGateway.AttributeMalformed(selector);

            if (selector == ORDERED) options.ordered = true;
            else if (selector == GAS_LIMIT) options.gasLimit = _word(attribute);
            else if (selector == KIND) options.kind = _kind(attribute);
            else if (selector == PAYER) options.payer = _address(attribute);
            else options.gateway = _address(attribute);
        }
    }

    /// @dev The given attributes, followed by what the gateway made of them.
    function withSent(bytes[] calldata given, bytes32 id, Message memory message)
        internal
        pure
        returns (bytes[] memory all)
    {
        all = new bytes[](given.length + 1);
        for (uint256 i = 0; i < given.length; ++i) {
            all[i] = given[i];
        }
        all[given.length] = abi.encodeWithSelector(
            SENT,
            id,
            message.sequence,
            message.destinationGateway,
            message.kind,
            message.gasLimit,
            message.payer,
            message.fee,
            message.after_
        );
    }

    /// @dev A bit of its own for each attribute that callers may give, zero for any other selector.
    function _bit(bytes4 selector) private pure returns (uint256) {
        if (selector == GAS_LIMIT) return 1;
        if (selector == ORDERED) return 2;
        if (selector == PAYER) return 4;
        if (selector == KIND) return 8;
        if (selector == GATEWAY) return 16;
        return 0;
    }

    /// @dev The argument. Only after the length was checked.
    function _word(bytes calldata attribute) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(attribute.offset, 4))
        }
    }

    function _kind(bytes calldata attribute) private pure returns (uint8) {
        uint256 word = _word(attribute);
        if (word > Kinds.CONTROL) revert IGateway.AttributeMalformed(KIND);
        return uint8(word);
    }

    /// @dev Not zero: nobody could be paid back, and no gateway is there.
    function _address(bytes calldata attribute) private pure returns (address) {
        uint256 word = _word(attribute);
        if (word == 0 || word > type(uint160).max) revert IGateway.AttributeMalformed(bytes4(attribute));
        return address(uint160(word));
    }
}
