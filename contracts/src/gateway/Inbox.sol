// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Commitment, Direction, Status} from "../interfaces/IGateway.sol";
import {GatewayId, toGatewayId} from "./GatewayId.sol";
import {Home} from "./Home.sol";
import {Interoperable} from "./Interoperable.sol";
import {Items} from "./Items.sol";
import {Kinds} from "./Kinds.sol";
import {LaneTree} from "./LaneTree.sol";
import {Message, Messages} from "./Messages.sol";
import {RecipientCall} from "./RecipientCall.sol";

/// @title What arrives: attested roots, and messages proven against them
abstract contract Inbox is Home {
    using BitMaps for BitMaps.BitMap;

    uint256 private constant REFUSE_AFTER = 7 days;

    /// @dev One slot. What is left of the id is far too long to find another message for.
    struct Failure {
        uint40 since;
        uint216 idTail;
    }

    /// @dev A lane to here.
    struct Origin {
        /// Accepted for good: they outlive the epoch that signed them.
        mapping(uint64 count => bytes32) roots;
        /// Taken: delivered, failed, void or refused.
        BitMaps.BitMap taken;
        mapping(uint64 sequence => Failure) failures;
    }

    mapping(GatewayId origin => Origin) private _origins;

    function accept(
        Commitment calldata commitment,
        bytes calldata proof,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata laneProof
    ) external override nonReentrant whenOpen(Direction.Inbound) {
        GatewayId from = toGatewayId(commitment.originChainId, commitment.originGateway);
        if (from == _self()) revert WrongOrigin(commitment.originChainId, commitment.originGateway);
        _requireQuorum(commitment, proof);
        _requireLane(commitment, _chainId(), address(this), count, laneRoot, laneProof);

        mapping(uint64 => bytes32) storage roots = _origins[from].roots;
        bytes32 stored = roots[count];
        if (stored == laneRoot) return;
        if (stored != 0) revert RootConflict(stored, laneRoot);
        roots[count] = laneRoot;
        emit RootAccepted(commitment.originChainId, commitment.originGateway, count, laneRoot);
    }

    function deliver(
        uint64 originChainId,
        address originGateway,
        uint64 count,
        uint64 first,
        bytes calldata items,
        bytes calldata rangeProof
    ) external override nonReentrant whenOpen(Direction.Inbound) {
        GatewayId from = toGatewayId(originChainId, originGateway);
        Origin storage origin = _origins[from];
        bytes32 root = origin.roots[count];
        if (root == 0) revert RootUnknown(originChainId, originGateway, count);
        Items.Range memory range = Items.read(items, from, _self(), first);
        if (LaneTree.rangeRoot(range.leaves, first, count, rangeProof) != root) revert RangeNotProven();

        uint256 fresh = _take(origin.taken, first, range.carried);
        if (fresh == 0) return;
        Message memory message;
        message.originChainId = originChainId;
        message.originGateway = originGateway;
        message.sequence = first;
        uint256 executed = _runRange(origin, message, items, range.leaves, fresh);
        if (executed != 0) emit RangeDelivered(originChainId, originGateway, first, executed, msg.sender);
    }

    function retry(bytes calldata message) external override nonReentrant whenOpen(Direction.Inbound) {
        (Message memory failed, bytes calldata payload, bytes32 id) = _failed(message);
        delete _origin(failed.originChainId, failed.originGateway).failures[failed.sequence];
        // With less than it was sent with, a recipient that survives running short could be made to.
        RecipientCall.requireGas(failed.gasLimit);
        bytes32 senderPrefix = Interoperable.prefix(failed.originChainId);
        (bool success, bytes32 reason) = _run(failed, payload, id, senderPrefix, gasleft());
        if (!success) revert StillFailing(reason);
        _logDelivered(failed, id);
    }

    function refuse(bytes calldata message) external override nonReentrant whenOpen(Direction.Inbound) {
        (Message memory failed,, bytes32 id) = _failed(message);
        if (failed.kind == Kinds.GOVERNANCE || failed.kind == Kinds.CONTROL) revert NotRefusable(failed.kind);
        Origin storage origin = _origin(failed.originChainId, failed.originGateway);
        uint256 refusableAt = origin.failures[failed.sequence].since + REFUSE_AFTER;
        if (block.timestamp < refusableAt) revert RefusedTooEarly(refusableAt);
        // Its bit stays: taken and not failed is settled, and there is nothing left to retry.
        delete origin.failures[failed.sequence];
        _sendRefusal(failed.originChainId, failed.originGateway, failed.sequence, id);
        emit MessageRefused(id, failed.originChainId, failed.originGateway, failed.sequence);
    }

    function refuseUnproven(uint64 originChainId, address originGateway, uint64 sequence)
        external
        override
        only(_hubAgent)
    {
        if (originChainId == _chainId()) revert WrongOrigin(originChainId, originGateway);
        BitMaps.BitMap storage taken = _origin(originChainId, originGateway).taken;
        if (taken.get(sequence)) revert AlreadyTaken(sequence);
        taken.set(sequence);
        _sendRefusal(originChainId, originGateway, sequence, 0);
        emit MessageRefused(0, originChainId, originGateway, sequence);
    }

    function acceptedRoot(uint64 originChainId, address originGateway, uint64 count)
        external
        view
        override
        returns (bytes32)
    {
        return _origin(originChainId, originGateway).roots[count];
    }

    function statusOf(uint64 originChainId, address originGateway, uint64 sequence)
        external
        view
        override
        returns (Status status, uint64 failedAt)
    {
        Origin storage origin = _origin(originChainId, originGateway);
        failedAt = origin.failures[sequence].since;
        if (failedAt != 0) status = Status.Failed;
        else if (origin.taken.get(sequence)) status = Status.Settled;
    }

    function _origin(uint64 chainId, address gateway) private view returns (Origin storage) {
        return _origins[toGatewayId(chainId, gateway)];
    }

    /// @dev A message to here whose failure is stored.
    function _failed(bytes calldata canonical)
        private
        view
        returns (Message memory message, bytes calldata payload, bytes32 id)
    {
        (message, payload) = Messages.decode(canonical);
        if (!(toGatewayId(message.destinationChainId, message.destinationGateway) == _self())) revert NotThisGateway();
        id = keccak256(canonical);
        Failure storage failure = _origin(message.originChainId, message.originGateway).failures[message.sequence];
        if (failure.since == 0 || failure.idTail != uint216(uint256(id))) revert NotFailed(id);
    }

    /// @dev Sets the bits of a range before anything in it is called, one write a word: safe from re-entry.
    /// @param carried Bit i: sequence `first + i` is to be taken.
    /// @return fresh Those of them that were not taken before.
    function _take(BitMaps.BitMap storage taken, uint256 first, uint256 carried) private returns (uint256 fresh) {
        uint256 bucket = first >> 8;
        uint256 shift = first & 0xff;
        fresh = _takeInBucket(taken, bucket, carried << shift) >> shift;
        if (shift != 0 && carried >> (256 - shift) != 0) {
            fresh |= _takeInBucket(taken, bucket + 1, carried >> (256 - shift)) << (256 - shift);
        }
    }

    function _takeInBucket(BitMaps.BitMap storage taken, uint256 bucket, uint256 bits) private returns (uint256 fresh) {
        uint256 word = taken._data[bucket];
        fresh = bits & ~word;
        if (fresh != 0) taken._data[bucket] = word | bits;
    }

    /// @dev Runs the fresh items of a range in order.
    /// @param message Origin and the first item's sequence; the rest is filled in again for each item.
    /// @return executed Which items were delivered or failed.
    function _runRange(
        Origin storage origin,
        Message memory message,
        bytes calldata items,
        bytes32[] memory leaves,
        uint256 fresh
    ) private returns (uint256 executed) {
        bytes32 senderPrefix = Interoperable.prefix(message.originChainId);
        uint256 cursor;
        for (uint256 i = 0; fresh >> i != 0; ++i) {
            bool isFresh = (fresh >> i) & 1 == 1;
            if (Items.isMessage(items, cursor)) {
                bytes calldata payload;
                (payload, cursor) = Items.messageAt(items, cursor, message);
                if (isFresh && _runItem(origin, message, payload, leaves[i], senderPrefix)) executed |= 1 << i;
            } else {
                bytes32 id;
                (id, cursor) = Items.markerAt(items, cursor);
                if (isFresh) {
                    emit MessageVoided(id, message.originChainId, message.originGateway, message.sequence);
                }
            }
            ++message.sequence;
        }
    }

    /// @return executed False if it must wait for its predecessor.
    function _runItem(
        Origin storage origin,
        Message memory message,
        bytes calldata payload,
        bytes32 id,
        bytes32 senderPrefix
    ) private returns (bool executed) {
        if (message.after_ != 0 && !_isSettled(origin, message.after_ - 1, message.kind)) {
            origin.taken.unset(message.sequence);
            return false;
        }
        bool success;
        bytes32 reason = GasLimitAboveMax.selector;
        if (message.gasLimit <= GAS_MAX) {
            RecipientCall.requireGas(message.gasLimit);
            (success, reason) = _run(message, payload, id, senderPrefix, message.gasLimit);
        }
        if (success) {
            _logDelivered(message, id);
        } else {
            origin.failures[message.sequence] = Failure(uint40(block.timestamp), uint216(uint256(id)));
            emit MessageFailed(id, message.originChainId, message.originGateway, message.sequence, reason);
        }
        return true;
    }

    /// @dev What an ordered message waits for. A governance act that always reverts must not hold up those after it.
    function _isSettled(Origin storage origin, uint64 sequence, uint8 kind) private view returns (bool) {
        return origin.taken.get(sequence)
            && (kind == Kinds.GOVERNANCE || origin.failures[sequence].since == 0);
    }

    /// @dev Does what the message is for, in the one place that decides who may be called.
    function _run(Message memory message, bytes calldata payload, bytes32 id, bytes32 senderPrefix, uint256 gasGiven)
        private
        returns (bool success, bytes32 reason)
    {
        if (message.kind == Kinds.CONTROL) {
            reason = _takeRefusal(message, payload);
            return (reason == 0, reason);
        }
        if (message.kind == Kinds.GOVERNANCE) {
            if (!_isFromHub(message)) return (false, GovernanceNotFromHub.selector);
        } else if (_isPrivileged(message.recipient)) {
            return (false, RecipientPrivileged.selector);
        } else if (!_moduleFits(message.kind, message.originChainId, message.sender, message.recipient)) {
            return (false, ModuleMismatch.selector);
        }
        return RecipientCall.receiveMessage(message.recipient, gasGiven, id, senderPrefix, message.sender, payload);
    }

    function _isFromHub(Message memory message) private view returns (bool) {
        return message.originChainId == _hubChainId && message.originGateway == _hubGateway
            && message.sender == _hubRegistry && message.recipient == _hubAgent;
    }

    function _isPrivileged(address recipient) private view returns (bool) {
        return recipient == address(this) || recipient == _hubAgent || recipient == _attesterSet || recipient == _era;
    }

    /// @dev `emit MessageDelivered(id, origin chain, origin gateway, sequence)`, whose data is the beginning of the message
    /// as it lies in memory: nothing is copied in the hot loop.
    function _logDelivered(Message memory message, bytes32 id) private {
        bytes32 topic = MessageDelivered.selector;
        assembly ("memory-safe") {
            log2(message, 0x60, topic, id)
        }
    }
}
