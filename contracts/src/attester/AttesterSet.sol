// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IAttesterSet} from "../interfaces/IAttesterSet.sol";
import {Bitmap} from "./Bitmap.sol";
import {Bls} from "./Bls.sol";
import {BlsProbe} from "./BlsProbe.sol";
import {CodeStore} from "./CodeStore.sol";
import {Equation, newEquation} from "./Equation.sol";
import {HashToG1} from "./HashToG1.sol";
import {KeyTable} from "./KeyTable.sol";
import {RememberedSums, Sum} from "./RememberedSums.sol";

/// @title The attesters of each epoch, and the check of what they signed
/// @notice Immutable, without an owner: the hub announces epochs through the HubAgent, and anyone brings their tables.
/// Only block times are compared, never block numbers, whose meaning differs between rollups.
contract AttesterSet is IAttesterSet {
    /// @dev One slot of constants decides a proof; table hash and chunks are read only while loading and summing.
    struct Record {
        bytes32 tableHash;
        uint64 activatesAt;
        uint64 expiresAt;
        uint16 members;
        uint112 totalStake;
        address[] chunks;
    }

    /// @notice The shortest life of an epoch.
    uint256 public constant LIFETIME_MIN = 30 days;
    /// @notice The shortest delay of a council that may recover.
    uint256 public constant COUNCIL_DELAY_MIN = 7 days;

    /// @dev The signature suite of draft-irtf-cfrg-bls-signature: min-sig, with proofs of possession.
    bytes private constant SIGNATURE_TAG = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    /// @dev Epoch and signature; the bitmap is the rest.
    uint256 private constant PROOF_FIXED_SIZE = 8 + Bls.PACKED_G1_SIZE;

    bytes32 public immutable network;
    uint64 public immutable hubChainId;
    address public immutable hubGateway;
    address public immutable hubAgent;
    address public immutable council;

    uint64 public newestEpoch;
    mapping(uint64 number => Record) private _epochs;

    /// @notice Reverts on a chain whose precompiles cannot check a signature.
    /// @param network_ The network's id.
    /// @param hubChainId_ The hub's EIP-155 id.
    /// @param hubGateway_ The hub's gateway.
    /// @param hubAgent_ Who may announce; may be deployed later.
    /// @param council_ Who may recover: a timelock with at least seven days of delay; may be deployed later.
    /// @param first The epoch in force on the hub.
    constructor(
        bytes32 network_,
        uint64 hubChainId_,
        address hubGateway_,
        address hubAgent_,
        address council_,
        FirstEpoch memory first
    ) {
        if (network_ == 0 || hubChainId_ == 0 || hubGateway_ == address(0)) revert ZeroArgument();
        if (hubAgent_ == address(0) || council_ == address(0)) revert ZeroArgument();
        if (council_.code.length != 0) _requireSlow(council_);
        BlsProbe.run();
        network = network_;
        hubChainId = hubChainId_;
        hubGateway = hubGateway_;
        hubAgent = hubAgent_;
        council = council_;
        _announce(first.number, first.tableHash, first.activatesAt, first.expiresAt);
    }

    /// @inheritdoc IAttesterSet
    function announce(uint64 number, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) external {
        if (msg.sender != hubAgent) revert NotHubAgent(msg.sender);
        if (number <= newestEpoch) return;
        _announce(number, tableHash, activatesAt, expiresAt);
    }

    /// @inheritdoc IAttesterSet
    function recover(uint64 number, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) external {
        if (msg.sender != council) revert NotCouncil(msg.sender);
        _requireSlow(msg.sender);
        uint64 newest = newestEpoch;
        uint64 newestExpiresAt = _epochs[newest].expiresAt;
        if (block.timestamp < newestExpiresAt) revert EpochStillValid(newest, newestExpiresAt);
        if (number <= newest) revert EpochNotNewer(number, newest);
        _announce(number, tableHash, activatesAt, expiresAt);
        emit EpochRecovered(number);
    }

    /// @inheritdoc IAttesterSet
    /// @dev After each chunk the sum of all members so far is remembered. The last such sum is that of all members, from
    /// which absentees are subtracted; the earlier ones are sums like any other, checked for quorum when a proof names them.
    function loadChunk(bytes calldata header, uint256 index, bytes calldata chunk) external {
        KeyTable.Header memory table = KeyTable.parse(header);
        Record storage record = _epochs[table.epoch];
        if (record.tableHash == 0) revert EpochUnknown(table.epoch);
        if (keccak256(header) != record.tableHash) revert HeaderInvalid();
        if (index != record.chunks.length) revert ChunkOutOfOrder(index, record.chunks.length);
        uint256 end = KeyTable.checkChunk(header, table.members, index, chunk);

        Sum memory sum = _sumUpTo(record, table, index, chunk);
        record.chunks.push(CodeStore.write(chunk));
        emit ChunkLoaded(table.epoch, index);
        if (end == table.members) _complete(record, table, sum);
        RememberedSums.remember(table.epoch, Bitmap.first(end, table.members), sum);
    }

    /// @inheritdoc IAttesterSet
    function verify(bytes32 digest, bytes calldata proof) external {
        if (proof.length < PROOF_FIXED_SIZE) revert ProofMalformed();
        uint64 number = uint64(bytes8(proof));
        bytes calldata bitmap = proof[PROOF_FIXED_SIZE:];
        (uint256 members, uint256 totalStake) = _inForce(number);
        if (!Bitmap.isCanonical(bitmap, members)) revert ProofMalformed();

        Equation equation = newEquation();
        equation.setSignature(proof[8:PROOF_FIXED_SIZE]);
        uint256 stake = RememberedSums.recallTo(equation.keyAt(), number, bitmap);
        if (stake == 0) return _verifyUnknown(equation, digest, number, bitmap);
        _requireSigned(equation, digest, stake, totalStake);
    }

    /// @notice The code of the sum that this transaction remembers, for the contract that becomes it.
    function pendingSum() external view returns (bytes memory) {
        return RememberedSums.pending();
    }

    /// @inheritdoc IAttesterSet
    function epoch(uint64 number) external view returns (Epoch memory) {
        Record storage record = _epochs[number];
        return Epoch({
            tableHash: record.tableHash,
            activatesAt: record.activatesAt,
            expiresAt: record.expiresAt,
            members: record.members,
            totalStake: record.totalStake,
            chunks: uint16(record.chunks.length)
        });
    }

    function _announce(uint64 number, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) private {
        if (tableHash == 0 || expiresAt < uint256(activatesAt) + LIFETIME_MIN) {
            revert EpochInvalid(tableHash, activatesAt, expiresAt);
        }
        Record storage record = _epochs[number];
        record.tableHash = tableHash;
        record.activatesAt = activatesAt;
        record.expiresAt = expiresAt;
        newestEpoch = number;
        emit EpochAnnounced(number, tableHash, activatesAt, expiresAt);
    }

    /// @dev The sum of all members up to and with a chunk whose entries are checked here.
    function _sumUpTo(Record storage record, KeyTable.Header memory table, uint256 index, bytes calldata chunk)
        private
        view
        returns (Sum memory sum)
    {
        uint256 start = index * KeyTable.CHUNK_MEMBERS;
        KeyTable.X memory previous;
        if (index != 0) previous = KeyTable.lastX(record.chunks[index - 1]);
        sum = KeyTable.checkEntries(chunk, start, previous, table.totalStake);
        if (index != 0) {
            Sum memory before = RememberedSums.recall(table.epoch, Bitmap.first(start, table.members));
            Bls.addTo(sum.key, before.key);
            sum.stake += before.stake;
        }
    }

    /// @dev The table is whole. That each stake is below a third of the total also makes it at least four members.
    function _complete(Record storage record, KeyTable.Header memory table, Sum memory sum) private {
        if (sum.stake != table.totalStake) revert TotalStakeWrong(sum.stake, table.totalStake);
        if (Bls.isInfinity(sum.key)) revert PointAtInfinity();
        record.members = table.members;
        record.totalStake = uint112(sum.stake); // 1,200 stakes below 2^96
        emit EpochLoaded(table.epoch, table.members, table.totalStake);
    }

    /// @dev The constants of an epoch whose proofs hold now.
    function _inForce(uint64 number) private view returns (uint256 members, uint256 totalStake) {
        Record storage record = _epochs[number];
        (uint64 activatesAt, uint64 expiresAt) = (record.activatesAt, record.expiresAt);
        (members, totalStake) = (record.members, record.totalStake);
        if (expiresAt == 0) revert EpochUnknown(number);
        if (block.timestamp < activatesAt) revert EpochNotActive(number, activatesAt);
        if (block.timestamp >= expiresAt) revert EpochExpired(number, expiresAt);
        if (members == 0) revert EpochNotLoaded(number);
    }

    /// @dev Adds the signers, or subtracts the absentees from the sum of all, whichever are fewer.
    function _sum(uint64 number, bytes memory bitmap, uint256 members) private view returns (Sum memory sum) {
        address[] storage chunks = _epochs[number].chunks;
        if (2 * Bitmap.count(bitmap) <= members) return KeyTable.sumOf(chunks, bitmap);
        sum = RememberedSums.recall(number, Bitmap.first(members, members));
        Sum memory absent = KeyTable.sumOf(chunks, Bitmap.complement(bitmap, members));
        Bls.addTo(sum.key, Bls.negate(absent.key));
        sum.stake -= absent.stake;
    }

    /// @dev A set of signers that was not seen before: its sum is remembered once the signature holds.
    function _verifyUnknown(Equation equation, bytes32 digest, uint64 number, bytes memory bitmap) private {
        Record storage record = _epochs[number];
        Sum memory sum = _sum(number, bitmap, record.members);
        equation.setKey(sum.key);
        _requireSigned(equation, digest, sum.stake, record.totalStake);
        RememberedSums.remember(number, bitmap, sum);
    }

    function _requireSigned(Equation equation, bytes32 digest, uint256 stake, uint256 totalStake) private view {
        if (3 * stake <= 2 * totalStake) revert QuorumNotReached(stake, totalStake);
        if (equation.hasInfinity()) revert PointAtInfinity();
        HashToG1.hashTo(bytes.concat(digest), SIGNATURE_TAG, equation.hashAt());
        if (!equation.holds()) revert SignatureInvalid();
    }

    function _requireSlow(address timelock) private view {
        if (timelock.code.length == 0) revert CouncilTooFast(timelock);
        if (TimelockController(payable(timelock)).getMinDelay() < COUNCIL_DELAY_MIN) revert CouncilTooFast(timelock);
    }
}
