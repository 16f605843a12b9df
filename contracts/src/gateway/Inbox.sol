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
        /// Of every 256 counts the newest accepted root, kept for good: it outlives the epoch that signed it. See `_record`.
        mapping(uint256 bucket => bytes32) roots;
        /// Taken: delivered, failed, void or refused.
        BitMaps.BitMap taken;
        mapping(uint64 sequence => Failure) failures;
    }

    mapping(GatewayId origin => Origin) private _origins;

    /// @dev Needs no guard: it calls nobody but the AttesterSet, and what it writes is attested whoever calls it from where.
    function accept(
        Commitment calldata commitment,
        bytes calldata proof,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata laneProof
    ) external override whenOpen(Direction.Inbound) {
        _accept(commitment, proof, count, laneRoot, laneProof);
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
        bytes32 accepted = _origins[from].roots[count >> 8];
        if (!_isOf(accepted, count)) revert RootUnknown(originChainId, originGateway, count);
        Items.Range memory range = Items.read(items, from, _self(), first);
        bytes32 root = LaneTree.rangeRoot(range.leaves, first, count, rangeProof);
        if (_record(count, root) != accepted) revert RangeNotProven();
        _deliver(originChainId, originGateway, range, items);
    }

    /// @dev The range's own root is the one that must be attested, so that nobody has to say it or look it up.
    function acceptAndDeliver(
        Commitment calldata commitment,
        bytes calldata proof,
        bytes32[] calldata laneProof,
        uint64 count,
        uint64 first,
        bytes calldata items,
        bytes calldata rangeProof
    ) external override nonReentrant whenOpen(Direction.Inbound) {
        GatewayId from = toGatewayId(commitment.originChainId, commitment.originGateway);
        Items.Range memory range = Items.read(items, from, _self(), first);
        _accept(commitment, proof, count, LaneTree.rangeRoot(range.leaves, first, count, rangeProof), laneProof);
        _deliver(commitment.originChainId, commitment.originGateway, range, items);
    }

    function retry(bytes calldata message) external override nonReentrant whenOpen(Direction.Inbound) {
        (Message memory failed, bytes calldata payload, bytes32 id) = _failed(message);
        delete _origin(failed.originChainId, failed.originGateway).failures[uint64(failed.sequence)];
        // With less than it was sent with, a recipient that survives running short could be made to.
        RecipientCall.requireGas(failed.gasLimit);
        bytes32 senderPrefix = Interoperable.prefix(failed.originChainId);
        (bool success, bytes32 reason) = _run(failed, payload, id, senderPrefix, gasleft());
        if (!success) revert StillFailing(reason);
        _logDelivered(failed, id);
    }

    function refuse(bytes calldata message) external override nonReentrant whenOpen(Direction.Inbound) {
        (Message memory failed,, bytes32 id) = _failed(message);
        if (failed.kind == Kinds.GOVERNANCE || failed.kind == Kinds.CONTROL) revert NotRefusable(uint8(failed.kind));
        Origin storage origin = _origin(failed.originChainId, failed.originGateway);
        uint256 refusableAt = origin.failures[uint64(failed.sequence)].since + REFUSE_AFTER;
        if (block.timestamp < refusableAt) revert RefusedTooEarly(refusableAt);
        // Its bit stays: taken and not failed is settled, and there is nothing left to retry.
        delete origin.failures[uint64(failed.sequence)];
        _sendRefusal(failed.originChainId, failed.originGateway, uint64(failed.sequence), id);
        emit MessageRefused(id, failed.originChainId, failed.originGateway, uint64(failed.sequence));
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

    function isAccepted(uint64 originChainId, address originGateway, uint64 count, bytes32 laneRoot)
        external
        view
        override
        returns (bool)
    {
        return _origin(originChainId, originGateway).roots[count >> 8] == _record(count, laneRoot);
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

    /// @dev A root and which of its bucket's 256 counts it has, in one word: overwriting a slot costs a fifth of filling one,
    /// and roots are cumulative, so the newest proves all that older ones did. 31 bytes of a root are as hard to hit as
    /// the signatures are to forge.
    function _record(uint64 count, bytes32 root) private pure returns (bytes32) {
        return bytes32((uint256(root) & ~uint256(0xff)) | (count & 0xff));
    }

    function _isOf(bytes32 record, uint64 count) private pure returns (bool) {
        return record != 0 && uint8(uint256(record)) == uint8(count);
    }

    /// @dev Checks that a root is attested, and keeps it unless a newer one of its bucket is kept.
    function _accept(
        Commitment calldata commitment,
        bytes calldata proof,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata laneProof
    ) private {
        GatewayId from = toGatewayId(commitment.originChainId, commitment.originGateway);
        if (from == _self()) revert WrongOrigin(commitment.originChainId, commitment.originGateway);
        _requireQuorum(commitment, proof);
        _requireLane(commitment, _chainId(), address(this), count, laneRoot, laneProof);

        mapping(uint256 => bytes32) storage roots = _origins[from].roots;
        bytes32 kept = roots[count >> 8];
        bytes32 attested = _record(count, laneRoot);
        if (kept == attested) return;
        if (_isOf(kept, count)) revert RootConflict(kept, laneRoot);
        if (kept == 0 || uint8(uint256(kept)) < uint8(count)) roots[count >> 8] = attested;
        emit RootAccepted(commitment.originChainId, commitment.originGateway, count, laneRoot);
    }

    /// @dev Runs what of a proven range was not taken before.
    function _deliver(uint64 originChainId, address originGateway, Items.Range memory range, bytes calldata items)
        private
    {
        Origin storage origin = _origin(originChainId, originGateway);
        uint256 first = range.first;
        uint256 fresh = _take(origin.taken, first, range.carried);
        if (fresh == 0) return;
        Message memory message;
        message.originChainId = originChainId;
        message.originGateway = originGateway;
        message.sequence = first;
        uint256 executed = _runRange(origin, message, items, range.leaves, fresh);
        if (executed != 0) emit RangeDelivered(originChainId, originGateway, uint64(first), executed, msg.sender);
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
        Failure storage failure =
            _origin(message.originChainId, message.originGateway).failures[uint64(message.sequence)];
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
    /// @param leaves Of all items; a message's is its id.
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
        unchecked {
            // Up to the last fresh item; after the 256th `bit` is 0 and nothing is above it.
            for (uint256 bit = 1; bit - 1 < fresh; bit <<= 1) {
                bytes32 id;
                assembly ("memory-safe") {
                    leaves := add(leaves, 0x20)
                    id := mload(leaves)
                }
                if (Items.isMessage(items, cursor)) {
                    bytes calldata payload;
                    (payload, cursor) = Items.messageAt(items, cursor, message);
                    if (fresh & bit != 0 && _runItem(origin, message, payload, id, senderPrefix)) executed |= bit;
                } else {
                    (id, cursor) = Items.markerAt(items, cursor);
                    if (fresh & bit != 0) {
                        emit MessageVoided(id, message.originChainId, message.originGateway, uint64(message.sequence));
                    }
                }
                ++message.sequence;
            }
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
        uint256 gasLimit = message.gasLimit;
        if (gasLimit <= GAS_MAX) {
            RecipientCall.requireGas(gasLimit);
            (success, reason) = _run(message, payload, id, senderPrefix, gasLimit);
        }
        if (success) {
            _logDelivered(message, id);
        } else {
            origin.failures[uint64(message.sequence)] = Failure(uint40(block.timestamp), uint216(uint256(id)));
            emit MessageFailed(id, message.originChainId, message.originGateway, uint64(message.sequence), reason);
        }
        return true;
    }

    /// @dev What an ordered message waits for. A governance act that always reverts must not hold up those after it.
    function _isSettled(Origin storage origin, uint256 sequence, uint256 kind) private view returns (bool) {
        return origin.taken.get(sequence) && (kind == Kinds.GOVERNANCE || origin.failures[uint64(sequence)].since == 0);
    }

    /// @dev Does what the message is for, in the one place that decides who may be called.
    function _run(Message memory message, bytes calldata payload, bytes32 id, bytes32 senderPrefix, uint256 gasGiven)
        private
        returns (bool success, bytes32 reason)
    {
        // Read once: the compiler masks an address each time.
        (uint256 kind, address sender, address recipient) = (message.kind, message.sender, message.recipient);
        if (kind == Kinds.CONTROL) {
            reason = _takeRefusal(message, payload);
            return (reason == 0, reason);
        }
        if (kind == Kinds.GOVERNANCE) {
            if (!_isFromHub(message)) return (false, GovernanceNotFromHub.selector);
        } else if (_isPrivileged(recipient)) {
            return (false, RecipientPrivileged.selector);
        } else if (!_moduleFits(kind, message.originChainId, sender, recipient)) {
            return (false, ModuleMismatch.selector);
        }
        return RecipientCall.receiveMessage(recipient, gasGiven, id, senderPrefix, sender, payload);
    }

    function _isFromHub(Message memory message) private view returns (bool) {
        return message.originChainId == _hubChainId && message.originGateway == _hubGateway
            && message.sender == _hubRegistry && message.recipient == _hubAgent;
    }

    function _isPrivileged(address recipient) private view returns (bool privileged) {
        (address era, address attesterSet, address hubAgent) = (_era, _attesterSet, _hubAgent);
        // Without branches: every message comes by here, and hardly any is for one of them.
        assembly ("memory-safe") {
            privileged := or(
                or(eq(recipient, era), eq(recipient, attesterSet)),
                or(eq(recipient, hubAgent), eq(recipient, address()))
            )
        }
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
