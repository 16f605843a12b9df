// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The attesters of each epoch, and the check of what they signed
/// @notice One a chain, immutable. Bytes of header, table and quorum proof: docs/protocol.md §7.
interface IAttesterSet {
    /// @notice An epoch as the hub announced it.
    /// @param tableHash Hash of the table's header; zero if the epoch was never announced here.
    /// @param activatesAt Block time (Unix seconds) from which proofs of this epoch hold.
    /// @param expiresAt Block time from which they hold no more.
    /// @param members Number of attesters; zero until the whole table is loaded.
    /// @param totalStake Sum of their stakes; zero until the whole table is loaded.
    /// @param chunks Number of the table's chunks loaded so far.
    struct Epoch {
        bytes32 tableHash;
        uint64 activatesAt;
        uint64 expiresAt;
        uint16 members;
        uint128 totalStake;
        uint16 chunks;
    }

    /// @notice The epoch in force when a chain is joined, as the hub has it.
    struct FirstEpoch {
        uint64 number;
        bytes32 tableHash;
        uint64 activatesAt;
        uint64 expiresAt;
    }

    /// @notice An epoch was announced: by the hub, by the council's recovery, or at construction.
    event EpochAnnounced(uint64 indexed epoch, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt);
    /// @notice The council replaced an expired epoch.
    event EpochRecovered(uint64 indexed epoch);
    /// @notice One chunk of an epoch's table was checked and stored.
    event ChunkLoaded(uint64 indexed epoch, uint256 index);
    /// @notice An epoch's table is complete: its proofs hold from `activatesAt` to `expiresAt`.
    event EpochLoaded(uint64 indexed epoch, uint16 members, uint128 totalStake);

    /// @notice Only the HubAgent announces an epoch.
    error NotHubAgent(address caller);
    /// @notice Only the council recovers.
    error NotCouncil(address caller);
    /// @notice The council is not a timelock with at least seven days of delay.
    error CouncilTooFast(address council);
    /// @notice A constructor argument that must not be zero is.
    error ZeroArgument();
    /// @notice An epoch has a table hash and lives at least 30 days.
    error EpochInvalid(bytes32 tableHash, uint64 activatesAt, uint64 expiresAt);
    /// @notice `recover` while the newest epoch still holds.
    error EpochStillValid(uint64 newest, uint64 expiresAt);
    /// @notice `recover` to an epoch that is not above the newest.
    error EpochNotNewer(uint64 epoch, uint64 newest);
    /// @notice The epoch was never announced here.
    error EpochUnknown(uint64 epoch);
    /// @notice Chunks of the epoch's table are missing.
    error EpochNotLoaded(uint64 epoch);
    /// @notice The epoch's time has not come.
    error EpochNotActive(uint64 epoch, uint64 activatesAt);
    /// @notice The epoch's time is over.
    error EpochExpired(uint64 epoch, uint64 expiresAt);

    /// @notice The header is not the one that was announced, or not of the canonical form.
    error HeaderInvalid();
    /// @notice A table has 4 to 1,200 members.
    error MembersOutOfRange(uint256 members);
    /// @notice Chunks are loaded in order, once each.
    error ChunkOutOfOrder(uint256 index, uint256 next);
    /// @notice The chunk is not the one that the header names, or not of its exact length.
    error ChunkInvalid(uint256 index);
    /// @notice Keys stand strictly ascending by their x coordinate, above zero.
    error KeyOutOfOrder(uint256 member);
    /// @notice Each stake is at least 1 and less than a third of the total.
    error StakeOutOfRange(uint256 member, uint256 stake);
    /// @notice The stakes do not add up to what the header says.
    error TotalStakeWrong(uint256 computed, uint256 claimed);

    /// @notice The proof is shorter than its fixed fields, or its bitmap is not exactly one bit a member with zero padding.
    error ProofMalformed();
    /// @notice The signers hold two thirds of the stake or less.
    error QuorumNotReached(uint256 stake, uint256 total);
    /// @notice A key, a sum of keys or a signature is the point at infinity.
    error PointAtInfinity();
    /// @notice The pairing does not hold.
    error SignatureInvalid();

    /// @notice Reverts unless `proof` shows that more than two thirds of an epoch's stake signed `digest`.
    /// @dev Anyone may call it. Not a view: what a set of signers sums to is remembered once its pairing held.
    /// @param digest What was signed, 32 bytes.
    /// @param proof `u64 epoch ‖ signature (96) ‖ bitmap`. Never use proof bytes as an id.
    function verify(bytes32 digest, bytes calldata proof) external;

    /// @notice Announces an epoch; only the HubAgent. One that is not above the newest succeeds and changes nothing.
    function announce(uint64 number, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) external;

    /// @notice Loads the next chunk of an announced table; anyone. The last one makes the epoch usable.
    /// @param header The table's header, whose hash was announced.
    /// @param index The chunk's number, from 0; chunks are loaded in order.
    /// @param chunk Up to 120 entries `key (192) ‖ stake (12)`.
    function loadChunk(bytes calldata header, uint256 index, bytes calldata chunk) external;

    /// @notice Announces an epoch in place of the newest, which must have expired; only the council.
    function recover(uint64 number, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) external;

    /// @notice What is known about an epoch; all zero if nothing is.
    function epoch(uint64 number) external view returns (Epoch memory);

    /// @notice The highest epoch announced here.
    function newestEpoch() external view returns (uint64);

    /// @notice The network whose attesters these are.
    function network() external view returns (bytes32);

    /// @notice The hub's EIP-155 id.
    function hubChainId() external view returns (uint64);

    /// @notice The hub's gateway.
    function hubGateway() external view returns (address);

    /// @notice The one contract that may announce.
    function hubAgent() external view returns (address);

    /// @notice The timelock that may recover.
    function council() external view returns (address);
}
