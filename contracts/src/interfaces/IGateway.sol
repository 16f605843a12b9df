// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// @notice What attesters sign: one origin's lanes and facts at one final block (docs/protocol.md §6).
struct Commitment {
    uint32 version;
    bytes32 network;
    uint64 originChainId;
    address originGateway;
    uint64 blockNumber;
    bytes32 blockHash;
    bytes32 lanesRoot;
    bytes32 factsRoot;
}

/// @notice A lane's policy, set by the origin's rollup team. Fees are in the smallest unit of $ERA.
/// @param gateway The destination's gateway; zero: no route.
/// @param kinds Bit k: kind k may be sent. Only `Generic`, `ValueFlow` and `Mapping` have bits.
/// @param bytesMax Longest payload, at most 32,768.
/// @param gasMax Highest gas limit.
/// @param valueMax Highest value of one message; attesters judge by it.
/// @param feeBase Fee of any message, plus `feePerByte` of payload and `feePerGas` of gas limit.
struct Route {
    address gateway;
    uint16 kinds;
    uint16 bytesMax;
    uint32 gasMax;
    uint128 valueMax;
    uint96 feeBase;
    uint80 feePerByte;
    uint80 feePerGas;
}

/// @notice A row of the module table. `moduleId` zero: no module.
struct Module {
    uint32 moduleId;
    uint8 kind;
    uint64 version;
}

/// @notice What can be stopped: what leaves this chain, or what arrives.
enum Direction {
    Outbound,
    Inbound
}

/// @notice What became of a sequence at its destination.
enum Status {
    /// Not delivered: never tried, or skipped behind an ordered predecessor.
    Open,
    /// The recipient failed: anyone may retry, after seven days refuse.
    Failed,
    /// Delivered, void or refused.
    Settled
}

/// @title The gateway of a chain: sends, delivers, takes back (ERC-7786)
/// @notice One a chain, immutable and without an owner. Each privileged function names its one role.
interface IGateway is IERC7786GatewaySource {
    /// @notice What a gateway is built with; it can never be changed.
    /// @param network The NetworkId.
    /// @param hubChainId The hub's EIP-155 id.
    /// @param hubGateway The hub's gateway; on the hub this contract itself.
    /// @param hubRegistry The only sender of `Governance`.
    /// @param hubAgent This chain's only recipient of `Governance`: sets modules and rules version.
    /// @param attesterSet Verifies quorum proofs.
    /// @param era The token that fees are paid in.
    /// @param routeAdmin The rollup's team: sets routes.
    /// @param guardian Freezes, at once.
    /// @param council An OpenZeppelin TimelockController: unfreezes, after `unfreezeDelay`.
    /// @param unfreezeDelay Seconds between proposing to unfreeze and doing it.
    struct Config {
        bytes32 network;
        uint64 hubChainId;
        address hubGateway;
        address hubRegistry;
        address hubAgent;
        address attesterSet;
        address era;
        address routeAdmin;
        address guardian;
        address council;
        uint64 unfreezeDelay;
    }

    // ---- Events that attesters read as facts of the origin (docs/protocol.md §10) ----

    /// @notice The route to a chain was set; a gateway of zero removes it.
    event RouteSet(uint64 indexed destinationChainId, Route route);
    /// @notice A row of the module table was set by the hub; moduleId 0 removes it.
    event ModuleSet(uint64 indexed chainId, address indexed module, uint32 moduleId, uint8 kind, uint64 version);
    /// @notice The rules version in force from here on.
    event RulesVersionSet(uint32 version);
    /// @notice Governance declared a sequence void whose attesters never agreed on one leaf.
    event Overruled(uint64 indexed destinationChainId, address indexed destinationGateway, uint64 sequence);

    // ---- Events of the destination ----

    /// @notice An attested root of a lane to this gateway was accepted.
    event RootAccepted(uint64 indexed originChainId, address indexed originGateway, uint64 count, bytes32 laneRoot);
    /// @notice The recipient succeeded.
    event MessageDelivered(bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence);
    /// @notice The recipient failed. `reason` is the first word of what it returned, or the selector of an error of this
    /// contract if it was not called.
    event MessageFailed(
        bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence, bytes32 reason
    );
    /// @notice The message was judged void: it will never be delivered.
    event MessageVoided(bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence);
    /// @notice The message was given up and sent home. An id of zero: it was never proven here, and governance settled it.
    event MessageRefused(bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence);
    /// @notice Which items of a range this call executed (bit i: item i was delivered or failed). Not logged if none was.
    event RangeDelivered(
        uint64 indexed originChainId, address indexed originGateway, uint64 first, uint256 bitmap, address executor
    );

    // ---- Events at home ----

    /// @notice A refusal came home. An id of zero: see `MessageRefused`.
    event Refused(bytes32 indexed id, uint64 destinationChainId, address destinationGateway, uint64 sequence);
    /// @notice What a reclaim gave back in this call: the value through the sender's module, the fee to the payer.
    event Reclaimed(bytes32 indexed id, bool value, bool fee);
    /// @notice An executor was paid for deliveries at this destination.
    event FeesClaimed(
        uint64 indexed destinationChainId, address indexed destinationGateway, address indexed executor, uint256 amount
    );
    /// @notice The root of a lane as it stands here was stored, for evidence.
    event SnapshotTaken(
        uint64 indexed destinationChainId, address indexed destinationGateway, uint64 count, bytes32 laneRoot
    );

    event Frozen(Direction indexed direction);
    event UnfreezeProposed(Direction indexed direction, uint64 executableAt);
    event Unfrozen(Direction indexed direction);

    // ---- Errors ----

    /// @notice Every address and the network of the config are given, and `era` is a contract.
    error ConfigInvalid();
    /// @notice The caller does not have the role that this function needs.
    error NotAllowed(address caller);
    /// @notice What leaves, or what arrives, is stopped.
    error DirectionFrozen(Direction direction);
    /// @notice Nothing to unfreeze, or not proposed, or its time has not come.
    error UnfreezeNotReady(Direction direction);

    /// @notice Messages carry no native value.
    error ValueNotSupported();
    /// @notice Not the minimal ERC-7930 address of an account on an EVM chain.
    error RecipientMalformed();
    /// @notice A message to the chain it is sent from.
    error DestinationIsHere();
    /// @notice Not the exact ABI encoding, or a value that the attribute cannot have.
    error AttributeMalformed(bytes4 selector);
    /// @notice An attribute given twice.
    error AttributeRepeated(bytes4 selector);
    /// @notice No route leads to this chain.
    error NoRoute(uint64 destinationChainId);
    /// @notice The route's values contradict each other or the protocol.
    error RouteInvalid();
    /// @notice The caller or the route may not send this kind.
    error KindNotAllowed(uint8 kind);
    /// @notice Longer than the route or the protocol allows.
    error PayloadTooLong(uint256 length, uint256 max);
    /// @notice More gas than the route allows, or than any delivery gives.
    error GasLimitTooHigh(uint256 gasLimit, uint256 max);
    /// @notice The token moved another amount than the fee.
    error FeeNotReceived(uint256 fee, uint256 received);
    /// @notice The lane has all the leaves it can have, 2^32 - 1.
    error LaneFull();
    /// @notice Nothing was ever sent on this lane.
    error LaneEmpty();

    /// @notice The commitment is of another network.
    error WrongNetwork(bytes32 network);
    /// @notice The commitment is about the wrong gateway: `accept` wants any but this one, `reclaimVoid` this one.
    error WrongOrigin(uint64 originChainId, address originGateway);
    /// @notice A zero root or a zero count proves nothing.
    error ZeroRoot();
    /// @notice The lane is not in the commitment's lanes root.
    error LaneNotProven();
    /// @notice Attested now: another root than the one kept for the same origin and count. Somebody must be alarmed.
    /// @param stored The first 31 bytes of the root that is kept, then the count's last byte.
    error RootConflict(bytes32 stored, bytes32 attested);
    /// @notice No root is accepted for this origin and count, or a newer one of the same 256 counts has taken its place.
    error RootUnknown(uint64 originChainId, address originGateway, uint64 count);
    /// @notice More items than a bitmap has bits, 256.
    error TooManyItems();
    /// @notice The item at this place is cut off, unknown, or not the one encoding that its message has.
    error ItemMalformed(uint256 index);
    /// @notice The range is empty or reaches past the count of its root.
    error RangeOutOfBounds(uint256 first, uint256 length, uint256 count);
    /// @notice The proof has fewer or more hashes than the range needs.
    error RangeProofLength();
    /// @notice The range does not lead to the root.
    error RangeNotProven();
    /// @notice The transaction has less gas left than this message needs.
    error GasTooLow(uint256 needed);

    /// @notice Not the canonical bytes of a message.
    error MessageMalformed();
    /// @notice The message is for another gateway, or from another.
    error NotThisGateway();
    /// @notice No failure of this message is stored.
    error NotFailed(bytes32 id);
    /// @notice The recipient failed again.
    error StillFailing(bytes32 reason);
    /// @notice Governance and Control are retried, never refused.
    error NotRefusable(uint8 kind);
    /// @notice Seven days have not passed since the first failure.
    error RefusedTooEarly(uint256 refusableAt);
    /// @notice The sequence was delivered, failed, voided or refused already.
    error AlreadyTaken(uint64 sequence);

    /// @notice The leaf does not lead to the root.
    error LeafNotProven();
    /// @notice The message was not refused.
    error NotRefused(bytes32 id);
    /// @notice Nothing was given back: nothing is due, all of it was given before, or the module or token failed.
    error NothingReclaimed(bytes32 id);
    /// @notice No refusal of an unproven message came home for this sequence, or it was overruled before.
    error NotOverrulable(uint64 sequence);
    /// @notice The facts of the destination do not say so.
    error FactNotProven();
    /// @notice All of it was paid before, or nothing is left.
    error NothingToClaim();
    /// @notice A module has an address and one of the kinds `ValueFlow` and `Mapping`.
    error ModuleInvalid();

    // Reasons of MessageFailed where the recipient was not called.

    /// @notice Gateway, HubAgent, AttesterSet and token are nobody's recipients.
    error RecipientPrivileged();
    /// @notice Sender or recipient is not in the module table, or not as the same module, or of another kind.
    error ModuleMismatch();
    /// @notice Governance from anyone but the hub's registry, or to anyone but the HubAgent.
    error GovernanceNotFromHub();
    /// @notice Control that is not a refusal from that gateway to this one.
    error ControlInvalid();
    /// @notice The message wants more gas than any delivery gives.
    error GasLimitAboveMax();

    // ---- Sending ----

    /// @notice What `sendMessage` would take from the caller, in the smallest unit of $ERA; reverts where it would.
    function quote(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        view
        returns (uint256 fee);

    /// @notice Sets the lane's policy to a chain; only `routeAdmin`. A gateway of zero removes it.
    function setRoute(uint64 destinationChainId, Route calldata route) external;

    /// @notice Stores the root of a lane as it stands, for evidence; anyone.
    function snapshot(uint64 destinationChainId, address destinationGateway) external;

    // ---- Delivering ----

    /// @notice Takes an attested root of the lane from the commitment's origin to here; anyone. The same again is no error.
    /// @dev The newest of every 256 counts is kept for good; an older one than that is checked and logged alone.
    /// @param proof Quorum proof over the commitment (docs/protocol.md §7).
    /// @param count How many messages the lane had.
    /// @param laneProof Siblings of the lane's leaf under `lanesRoot`, bottom up.
    function accept(
        Commitment calldata commitment,
        bytes calldata proof,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata laneProof
    ) external;

    /// @notice Delivers a contiguous range of a lane under a kept root; anyone. What was delivered before is skipped.
    /// @param count Which kept root.
    /// @param first The first item's sequence.
    /// @param items Up to 256 items, packed (docs/protocol.md §2).
    /// @param rangeProof Hashes around the range, joined (docs/protocol.md §3).
    function deliver(
        uint64 originChainId,
        address originGateway,
        uint64 count,
        uint64 first,
        bytes calldata items,
        bytes calldata rangeProof
    ) external;

    /// @notice `accept` and `deliver` at once, under any attested root, kept or not; anyone.
    function acceptAndDeliver(
        Commitment calldata commitment,
        bytes calldata proof,
        bytes32[] calldata laneProof,
        uint64 count,
        uint64 first,
        bytes calldata items,
        bytes calldata rangeProof
    ) external;

    /// @notice Runs a failed message again with the caller's gas; anyone. Reverts if it fails again.
    /// @param message Its canonical bytes.
    function retry(bytes calldata message) external;

    /// @notice Gives up a message that failed seven days ago or earlier, and sends that home; anyone.
    function refuse(bytes calldata message) external;

    /// @notice Settles a sequence that attesters cannot agree on, and sends that home; only the HubAgent.
    function refuseUnproven(uint64 originChainId, address originGateway, uint64 sequence) external;

    // ---- At home ----

    /// @notice Gives back a refused message's value; anyone. The fee was earned by the delivery that failed.
    /// @param message Its canonical bytes.
    /// @param count A `snapshot` of its lane.
    /// @param path The message's path under that snapshot, hashes joined: no destination can refuse what was never sent.
    function reclaim(bytes calldata message, uint64 count, bytes calldata path) external;

    /// @notice Gives back a void message's value and fee; anyone.
    /// @param commitment About this very gateway; with `proof` and `laneProof` as in `accept`. No root is stored.
    /// @param path The void leaf's path under `laneRoot`, hashes joined.
    function reclaimVoid(
        bytes calldata message,
        Commitment calldata commitment,
        bytes calldata proof,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata laneProof,
        bytes calldata path
    ) external;

    /// @notice Pays an executor what it earned at a destination, less what was paid before; anyone, to the executor.
    /// @param commitment About the destination, with its quorum proof.
    /// @param total All that the executor earned there for this gateway's messages.
    /// @param factProof Siblings of that fact, from the leaf up.
    function claimFees(
        Commitment calldata commitment,
        bytes calldata proof,
        address executor,
        uint256 total,
        bytes32[] calldata factProof
    ) external;

    // ---- The hub's word; only the HubAgent ----

    /// @notice Sets a row of the module table. A version not above the row's succeeds and changes nothing.
    function setModule(uint64 chainId, address module, uint32 moduleId, uint8 kind, uint64 version) external;

    /// @notice Sets the rules version. One not above the present succeeds and changes nothing.
    function setRulesVersion(uint32 version) external;

    /// @notice Declares void a sequence whose destination refused it unproven.
    function overrule(uint64 destinationChainId, address destinationGateway, uint64 sequence) external;

    // ---- Freezing ----

    /// @notice Stops a direction at once, and drops a proposal to unfreeze it; only the guardian.
    function freeze(Direction direction) external;

    /// @notice First step of unfreezing; only the council.
    function proposeUnfreeze(Direction direction) external;

    /// @notice Second step, `unfreezeDelay` later; only the council.
    function unfreeze(Direction direction) external;

    // ---- Views ----

    /// @notice What this gateway was built with.
    function config() external view returns (Config memory);

    function frozen(Direction direction) external view returns (bool);
    function rulesVersion() external view returns (uint32);
    function moduleAt(uint64 chainId, address account) external view returns (Module memory);
    function routeTo(uint64 destinationChainId) external view returns (Route memory);

    /// @notice How many messages a lane has, and its root.
    function lane(uint64 destinationChainId, address destinationGateway)
        external
        view
        returns (uint64 count, bytes32 laneRoot);

    /// @notice 1 + the sequence of the sender's last ordered message in a lane; 0: none.
    function lastOrdered(uint64 destinationChainId, address destinationGateway, address sender)
        external
        view
        returns (uint64);

    /// @notice The root that a lane had at `count`, if a snapshot was taken then, else zero.
    function snapshotAt(uint64 destinationChainId, address destinationGateway, uint64 count)
        external
        view
        returns (bytes32);

    /// @notice Whether this root of (origin, count) is kept, so that `deliver` takes it without `accept`.
    function isAccepted(uint64 originChainId, address originGateway, uint64 count, bytes32 laneRoot)
        external
        view
        returns (bool);

    /// @notice What became of a sequence here; `failedAt` is the time of its first failure, if it failed.
    function statusOf(uint64 originChainId, address originGateway, uint64 sequence)
        external
        view
        returns (Status status, uint64 failedAt);

    /// @notice Which parts of a message were given back.
    function reclaimed(bytes32 id) external view returns (bool value, bool fee);

    /// @notice All that an executor was paid for a destination.
    function feesPaid(uint64 destinationChainId, address destinationGateway, address executor)
        external
        view
        returns (uint256);
}
