// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Direction} from "../interfaces/IGateway.sol";
import {Attributes} from "./Attributes.sol";
import {Freezable} from "./Freezable.sol";
import {GatewayId, toGatewayId} from "./GatewayId.sol";
import {Interoperable} from "./Interoperable.sol";
import {Kinds} from "./Kinds.sol";
import {LaneTree} from "./LaneTree.sol";
import {Message, Messages} from "./Messages.sol";
import {Routes} from "./Routes.sol";

/// @title What leaves: messages, numbered in the lane to their destination
abstract contract Outbox is Freezable, Routes {
    using LaneTree for LaneTree.Tree;

    /// @dev A lane from here.
    struct Lane {
        LaneTree.Tree tree;
        /// 1 + the sequence of the sender's last ordered message; 0: none.
        mapping(address sender => uint64) lastOrdered;
        mapping(uint64 count => bytes32) snapshots;
    }

    /// @dev By destination.
    mapping(GatewayId destination => Lane) private _lanes;

    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        override
        returns (bytes32)
    {
        if (msg.value != 0) revert ValueNotSupported();
        (Message memory message, bool ordered) = _draft(recipient, payload.length, attributes);
        _collect(message.fee);
        if (ordered) _order(message);
        bytes32 id = _append(message, payload);
        emit MessageSent(
            0,
            Interoperable.format(message.originChainId, message.sender),
            recipient,
            payload,
            0,
            Attributes.withSent(attributes, id, message)
        );
        return 0;
    }

    function quote(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        view
        override
        whenOpen(Direction.Outbound)
        returns (uint256 fee)
    {
        (Message memory message,) = _draft(recipient, payload.length, attributes);
        return message.fee;
    }

    function snapshot(uint64 destinationChainId, address destinationGateway) external override {
        Lane storage from = _lane(destinationChainId, destinationGateway);
        uint64 count = from.tree.count;
        if (count == 0) revert LaneEmpty();
        if (from.snapshots[count] != 0) return;
        bytes32 laneRoot = from.tree.root();
        from.snapshots[count] = laneRoot;
        emit SnapshotTaken(destinationChainId, destinationGateway, count, laneRoot);
    }

    function supportsAttribute(bytes4 selector) external pure override returns (bool) {
        return Attributes.isGivable(selector);
    }

    function lane(uint64 destinationChainId, address destinationGateway)
        external
        view
        override
        returns (uint64 count, bytes32 laneRoot)
    {
        LaneTree.Tree storage tree = _lane(destinationChainId, destinationGateway).tree;
        return (tree.count, tree.root());
    }

    function lastOrdered(uint64 destinationChainId, address destinationGateway, address sender)
        external
        view
        override
        returns (uint64)
    {
        return _lane(destinationChainId, destinationGateway).lastOrdered[sender];
    }

    function snapshotAt(uint64 destinationChainId, address destinationGateway, uint64 count)
        public
        view
        override
        returns (bytes32)
    {
        return _lane(destinationChainId, destinationGateway).snapshots[count];
    }

    /// @dev Sends a refusal to the gateway that a message came from. It needs no route and costs nothing.
    function _sendRefusal(uint64 originChainId, address originGateway, uint64 sequence, bytes32 id) internal {
        Message memory message;
        message.originChainId = _chainId();
        message.originGateway = address(this);
        message.destinationChainId = originChainId;
        message.destinationGateway = originGateway;
        message.kind = Kinds.CONTROL;
        message.sender = address(this);
        message.recipient = originGateway;
        message.payer = address(this);
        bytes memory payload = abi.encode(sequence, id);
        bytes32 refusalId = _append(message, payload);
        bytes[] calldata none;
        assembly ("memory-safe") {
            none.offset := 0
            none.length := 0
        }
        emit MessageSent(
            0,
            Interoperable.format(message.originChainId, address(this)),
            Interoperable.format(originChainId, originGateway),
            payload,
            0,
            Attributes.withSent(none, refusalId, message)
        );
    }

    function _lane(uint64 destinationChainId, address destinationGateway) internal view returns (Lane storage) {
        return _lanes[toGatewayId(destinationChainId, destinationGateway)];
    }

    /// @dev The message as the caller wants it and may have it; all but its number and what it must follow.
    function _draft(bytes calldata recipient, uint256 payloadLength, bytes[] calldata attributes)
        private
        view
        returns (Message memory message, bool ordered)
    {
        message.originChainId = _chainId();
        message.originGateway = address(this);
        message.sender = msg.sender;
        (message.destinationChainId, message.recipient) = Interoperable.parse(recipient);
        if (message.destinationChainId == message.originChainId) revert DestinationIsHere();

        Attributes.Options memory options = Attributes.parse(attributes, msg.sender);
        message.kind = options.kind;
        message.payer = options.payer;
        if (options.kind == Kinds.GOVERNANCE) {
            _checkGovernance(options, payloadLength);
            message.destinationGateway = options.gateway;
            ordered = true;
        } else {
            if (options.kind == Kinds.CONTROL) revert KindNotAllowed(Kinds.CONTROL);
            if (options.gateway != address(0)) revert UnsupportedAttribute(Attributes.GATEWAY);
            (message.destinationGateway, message.fee) =
                _checkRoute(message.destinationChainId, options.kind, payloadLength, options.gasLimit);
            ordered = options.ordered;
        }
        message.gasLimit = options.gasLimit;
    }

    /// @dev Governance has no route, so its limits are the protocol's.
    function _checkGovernance(Attributes.Options memory options, uint256 payloadLength) private view {
        if (msg.sender != _hubRegistry || _chainId() != _hubChainId) revert KindNotAllowed(Kinds.GOVERNANCE);
        if (options.gateway == address(0)) revert AttributeMalformed(Attributes.GATEWAY);
        if (payloadLength > Messages.PAYLOAD_MAX) revert PayloadTooLong(payloadLength, Messages.PAYLOAD_MAX);
        if (options.gasLimit > GAS_MAX) revert GasLimitTooHigh(options.gasLimit, GAS_MAX);
    }

    /// @dev Takes the fee from the caller, who may not be the payer, into escrow: this contract's balance.
    function _collect(uint256 fee) private {
        if (fee == 0) return;
        uint256 before = IERC20(_era).balanceOf(address(this));
        SafeERC20.safeTransferFrom(IERC20(_era), msg.sender, address(this), fee);
        uint256 received = IERC20(_era).balanceOf(address(this)) - before;
        if (received != fee) revert FeeNotReceived(fee, received);
    }

    /// @dev Puts the message behind its sender's last ordered one in this lane.
    function _order(Message memory message) private {
        Lane storage to = _lane(message.destinationChainId, message.destinationGateway);
        message.after_ = to.lastOrdered[message.sender];
        to.lastOrdered[message.sender] = to.tree.count + 1;
    }

    /// @dev Numbers the message and adds it to its lane: the only way in, and shut while nothing may leave.
    function _append(Message memory message, bytes memory payload)
        private
        whenOpen(Direction.Outbound)
        returns (bytes32 id)
    {
        LaneTree.Tree storage tree = _lane(message.destinationChainId, message.destinationGateway).tree;
        message.sequence = tree.count;
        id = keccak256(Messages.encode(message, payload));
        tree.append(id);
    }
}
