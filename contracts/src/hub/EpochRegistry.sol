// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {KeyTable} from "../attester/KeyTable.sol";
import {IAttesterSet} from "../interfaces/IAttesterSet.sol";
import {Act} from "../interfaces/IHubAgent.sol";
import {AttesterRegistry} from "./AttesterRegistry.sol";
import {GovernanceSender} from "./GovernanceSender.sol";

/// @title The next epoch: a table that is checked to be the attesters with stake, and told to every chain
/// @dev A table is as many distinct members as have a stake, each with exactly its own: so it is all of them. Whoever brings a
/// wrong one changes nothing, since progress is kept by the table's hash.
abstract contract EpochRegistry is AttesterRegistry, GovernanceSender {
    uint256 private constant ENTRY_SIZE = 204;
    uint256 private constant KEY_SIZE = 192;
    uint256 private constant LIFETIME_MIN = 30 days;

    /// @dev How far a table is checked.
    struct Check {
        uint64 epoch;
        /// The registry's state that it was checked against.
        uint64 revision;
        /// Members checked so far.
        uint16 checked;
        bool whole;
        KeyTable.X lastX;
    }

    mapping(bytes32 tableHash => Check) private _checks;

    function closeEpoch(bytes calldata header, uint256 index, bytes calldata chunk) external override {
        KeyTable.Header memory table = KeyTable.parse(header);
        bool current = table.epoch == _newestEpoch() + 1 && table.members == _members && table.totalStake == _totalStake;
        if (!current) revert TableNotCurrent(table.epoch, table.members, table.totalStake);
        bytes32 tableHash = keccak256(header);
        Check storage check = _checks[tableHash];
        if (check.revision != _revision) {
            delete _checks[tableHash];
            (check.epoch, check.revision) = (table.epoch, _revision);
        }
        uint256 start = check.checked;
        if (check.whole || index * KeyTable.CHUNK_MEMBERS != start) {
            revert ChunkOutOfOrder(index, start / KeyTable.CHUNK_MEMBERS);
        }
        check.checked = uint16(KeyTable.checkChunk(header, table.members, index, chunk));
        check.lastX = _checkEntries(chunk, start, check.lastX, table.totalStake);
        if (check.checked != table.members) return;
        check.whole = true;
        emit TableChecked(table.epoch, tableHash);
    }

    function announceEpoch(bytes32 tableHash, uint64 activatesAt, uint64 expiresAt)
        external
        override
        onlyRole(STAKER_ROLE)
    {
        Check storage check = _checks[tableHash];
        uint64 newest = _newestEpoch();
        if (!check.whole || check.revision != _revision || check.epoch != newest + 1) {
            revert TableNotChecked(tableHash);
        }
        // Not after the end of the epoch before it: nobody's proofs would hold between the two.
        uint256 earliest = block.timestamp + epochOverlap;
        uint256 end = IAttesterSet(attesterSet).epoch(newest).expiresAt;
        bool timely = activatesAt >= earliest && activatesAt <= (end > earliest ? end : earliest);
        if (!timely || expiresAt < activatesAt + LIFETIME_MIN) revert EpochTimesInvalid(activatesAt, expiresAt);
        emit EpochAnnounced(check.epoch, tableHash, activatesAt, expiresAt);
        _tellAll(Act.AnnounceEpoch, abi.encode(check.epoch, tableHash, activatesAt, expiresAt));
    }

    /// @dev The newest epoch as the hub has it, whether announced here, recovered, or in force from the beginning.
    function _tellEpoch(uint64 chainId) internal {
        uint64 newest = _newestEpoch();
        IAttesterSet.Epoch memory epoch = IAttesterSet(attesterSet).epoch(newest);
        _tell(chainId, Act.AnnounceEpoch, abi.encode(newest, epoch.tableHash, epoch.activatesAt, epoch.expiresAt));
    }

    function _newestEpoch() private view returns (uint64) {
        return IAttesterSet(attesterSet).newestEpoch();
    }

    /// @return x The last key's x coordinate.
    function _checkEntries(bytes calldata chunk, uint256 start, KeyTable.X memory previous, uint256 total)
        private
        view
        returns (KeyTable.X memory x)
    {
        x = previous;
        for (uint256 at = 0; at < chunk.length; at += ENTRY_SIZE) {
            uint256 member = start + at / ENTRY_SIZE;
            bytes calldata key = chunk[at:at + KEY_SIZE];
            if (!_isAbove(key, x)) revert KeyOutOfOrder(member);
            (x.first, x.second, x.third) = abi.decode(key, (bytes32, bytes32, bytes32));
            uint256 stake = uint96(bytes12(chunk[at + KEY_SIZE:at + ENTRY_SIZE]));
            bool right = stake != 0 && stake == _stakeOf[_attesterId(key)] && 3 * stake < total;
            if (!right) revert EntryInvalid(member);
        }
    }

    function _isAbove(bytes calldata key, KeyTable.X memory x) private pure returns (bool) {
        (bytes32 first, bytes32 second, bytes32 third) = abi.decode(key, (bytes32, bytes32, bytes32));
        if (first != x.first) return first > x.first;
        if (second != x.second) return second > x.second;
        return third > x.third;
    }
}
