// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Curve} from "./Curve.sol";

/// @dev One attester of a test, with its secret.
struct Member {
    uint256 secret;
    uint96 stake;
    bytes key; // packed
}

/// @dev An epoch's table as it is announced and loaded.
struct Table {
    uint64 epoch;
    Member[] members;
    uint128 totalStake;
    bytes header;
    bytes[] chunks;
    bytes32 hash;
}

/// @title Tables of attesters, encoded as docs/protocol.md §7 says
library Tables {
    uint256 internal constant CHUNK_MEMBERS = 120;

    /// @dev A table of `count` members with secrets and stakes that follow from `seed`.
    function random(uint64 epoch, uint256 count, uint256 seed) internal view returns (Table memory) {
        Member[] memory members = new Member[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 entropy = uint256(keccak256(abi.encode(seed, i)));
            members[i] = member(entropy % Curve.ORDER, uint96(1_000 + entropy % 500));
        }
        return build(epoch, members);
    }

    function member(uint256 secret, uint96 stake) internal view returns (Member memory) {
        return Member({secret: secret, stake: stake, key: Curve.pack(Curve.key(secret))});
    }

    /// @dev Sorts and encodes.
    function build(uint64 epoch, Member[] memory members) internal pure returns (Table memory) {
        sort(members);
        return encode(epoch, members);
    }

    /// @dev Encodes members in the order given, with the total that they have.
    function encode(uint64 epoch, Member[] memory members) internal pure returns (Table memory table) {
        table.epoch = epoch;
        table.members = members;
        for (uint256 i = 0; i < members.length; ++i) {
            table.totalStake += members[i].stake;
        }
        table.chunks = new bytes[]((members.length + CHUNK_MEMBERS - 1) / CHUNK_MEMBERS);
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            table.chunks[i] = chunk(members, i * CHUNK_MEMBERS);
        }
        seal(table);
    }

    /// @dev Recomputes header and hash, after a test has changed something.
    function seal(Table memory table) internal pure {
        bytes memory hashes;
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            hashes = bytes.concat(hashes, keccak256(table.chunks[i]));
        }
        bytes32 tag = keccak256("metalayer/table");
        uint16 count = uint16(table.members.length);
        table.header = abi.encodePacked(tag, uint8(1), table.epoch, count, table.totalStake, hashes);
        table.hash = keccak256(table.header);
    }

    function chunk(Member[] memory members, uint256 start) internal pure returns (bytes memory entries) {
        uint256 end = start + CHUNK_MEMBERS < members.length ? start + CHUNK_MEMBERS : members.length;
        entries = new bytes(204 * (end - start));
        for (uint256 i = start; i < end; ++i) {
            bytes memory entry = abi.encodePacked(members[i].key, members[i].stake);
            assembly ("memory-safe") {
                mcopy(add(add(entries, 32), mul(204, sub(i, start))), add(entry, 32), 204)
            }
        }
    }

    /// @dev By insertion, on the first 32 bytes of x: random keys do not agree in them, small secrets neither.
    function sort(Member[] memory members) internal pure {
        for (uint256 i = 1; i < members.length; ++i) {
            Member memory moving = members[i];
            bytes32 x = bytes32(moving.key);
            uint256 at = i;
            for (; at > 0 && bytes32(members[at - 1].key) > x; --at) {
                members[at] = members[at - 1];
            }
            members[at] = moving;
        }
    }
}
