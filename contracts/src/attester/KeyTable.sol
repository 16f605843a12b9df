// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../interfaces/IAttesterSet.sol";
import {Bls} from "./Bls.sol";
import {CodeStore} from "./CodeStore.sol";
import {Sum} from "./RememberedSums.sol";

/// @title The table of an epoch: who signs, with what stake
/// @notice Header, chunks and entries as docs/protocol.md §7 lays them out.
library KeyTable {
    /// @notice The fixed fields of a header; the chunks' hashes follow them.
    struct Header {
        uint64 epoch;
        uint16 members;
        uint128 totalStake;
    }

    /// @notice The x coordinate of a key, by which a table is sorted: 96 bytes.
    struct X {
        bytes32 first;
        bytes32 second;
        bytes32 third;
    }

    uint256 internal constant CHUNK_MEMBERS = 120;
    uint256 internal constant MEMBERS_MIN = 4;
    uint256 internal constant MEMBERS_MAX = 1_200;

    uint256 private constant ENTRY_SIZE = 204;
    uint256 private constant HEADER_SIZE = 59;
    bytes32 private constant HEADER_TAG = keccak256("metalayer/table");

    /// @notice Reads a header of canonical form. That it is the right one, only its hash says.
    function parse(bytes calldata header) internal pure returns (Header memory fields) {
        if (header.length < HEADER_SIZE) revert IAttesterSet.HeaderInvalid();
        if (bytes32(header) != HEADER_TAG || header[32] != 0x01) revert IAttesterSet.HeaderInvalid();
        fields.epoch = uint64(bytes8(header[33:]));
        fields.members = uint16(bytes2(header[41:]));
        fields.totalStake = uint128(bytes16(header[43:]));
        if (fields.members < MEMBERS_MIN || fields.members > MEMBERS_MAX) {
            revert IAttesterSet.MembersOutOfRange(fields.members);
        }
        uint256 chunks = (fields.members + CHUNK_MEMBERS - 1) / CHUNK_MEMBERS;
        if (header.length != HEADER_SIZE + 32 * chunks) revert IAttesterSet.HeaderInvalid();
    }

    /// @notice Checks that `chunk` is the one that `header` names, of its exact length.
    /// @return end The members up to and with this chunk.
    function checkChunk(bytes calldata header, uint256 members, uint256 index, bytes calldata chunk)
        internal
        pure
        returns (uint256 end)
    {
        uint256 start = index * CHUNK_MEMBERS;
        if (start >= members) revert IAttesterSet.ChunkInvalid(index);
        end = start + CHUNK_MEMBERS < members ? start + CHUNK_MEMBERS : members;
        bool named = keccak256(chunk) == bytes32(header[HEADER_SIZE + 32 * index:]);
        if (!named || chunk.length != (end - start) * ENTRY_SIZE) revert IAttesterSet.ChunkInvalid(index);
    }

    /// @notice Checks every entry of a chunk: keys strictly above `previous` and ascending, in the subgroup and not infinity;
    /// stakes of at least 1 and below a third of the total.
    /// @dev Ascending from zero also refuses infinity, whose x is zero; no other key has that x (its order would be 3).
    function checkEntries(bytes calldata chunk, uint256 start, X memory previous, uint256 totalStake)
        internal
        view
        returns (Sum memory sum)
    {
        X memory x;
        for (uint256 at = 0; at < chunk.length; at += ENTRY_SIZE) {
            (x.first, x.second, x.third) = abi.decode(chunk[at:at + 96], (bytes32, bytes32, bytes32));
            if (!_isAbove(x, previous)) revert IAttesterSet.KeyOutOfOrder(start + at / ENTRY_SIZE);
            (previous.first, previous.second, previous.third) = (x.first, x.second, x.third);

            uint256 stake = uint96(bytes12(chunk[at + Bls.PACKED_G2_SIZE:at + ENTRY_SIZE]));
            if (stake == 0 || 3 * stake >= totalStake) {
                revert IAttesterSet.StakeOutOfRange(start + at / ENTRY_SIZE, stake);
            }
            sum.stake += stake;
        }
        sum.key = Bls.sumInSubgroup(chunk, ENTRY_SIZE);
    }

    /// @notice The x of the last key of a full chunk that was stored.
    function lastX(address chunk) internal view returns (X memory) {
        bytes memory x = new bytes(96);
        CodeStore.read(chunk, (CHUNK_MEMBERS - 1) * ENTRY_SIZE, x);
        return abi.decode(x, (X));
    }

    /// @notice The sum of the members in `bitmap`, read from the stored chunks.
    function sumOf(address[] storage chunks, bytes memory bitmap) internal view returns (Sum memory sum) {
        uint256 number = chunks.length;
        for (uint256 i = 0; i < number; ++i) {
            _addMembers(sum, chunks[i], bitmap, i * CHUNK_MEMBERS);
        }
    }

    /// @dev Adds the members of one chunk. A chunk's bits are whole bytes: 120 members are 15.
    function _addMembers(Sum memory sum, address chunk, bytes memory bitmap, uint256 start) private view {
        Bls.G2 memory key;
        bytes memory entry = new bytes(ENTRY_SIZE);
        for (uint256 at = 0; at < CHUNK_MEMBERS && start + at < 8 * bitmap.length; at += 8) {
            uint256 bits = uint8(bitmap[(start + at) / 8]);
            for (uint256 member = at; bits != 0; ++member) {
                if (bits & 0x80 != 0) {
                    CodeStore.read(chunk, member * ENTRY_SIZE, entry);
                    Bls.unpackG2(entry, key);
                    Bls.addTo(sum.key, key);
                    sum.stake += _stakeOf(entry);
                }
                bits = (bits << 1) & 0xff;
            }
        }
    }

    function _stakeOf(bytes memory entry) private pure returns (uint256 stake) {
        assembly ("memory-safe") {
            stake := shr(160, mload(add(entry, 224)))
        }
    }

    function _isAbove(X memory a, X memory b) private pure returns (bool) {
        if (a.first != b.first) return a.first > b.first;
        if (a.second != b.second) return a.second > b.second;
        return a.third > b.third;
    }
}
