// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice When a block of a chain counts.
enum Finality {
    /// The node's `finalized` block and all below it.
    Finalized,
    /// The node's `safe` block and all below it.
    Safe,
    /// Blocks with at least `finalityBlocks` blocks above them.
    Blocks
}

/// @notice How a chain's logs are read and proven. Fixed at registration, never chosen at run time.
enum ReadMode {
    /// `bloom-receipts`: receipts of the blocks whose bloom says that they may hold the gateway's logs.
    BloomReceipts,
    /// `all-receipts`: receipts of every block.
    AllReceipts,
    /// `logs-k-of-n`: logs on which k of n endpoints agree.
    LogsOfQuorum
}

/// @notice A chain as the hub knows it: registered once, changed never.
/// @param chainId EIP-155 id.
/// @param gateway Its gateway; the same address may stand on other chains.
/// @param hubAgent The contract there that obeys the hub.
/// @param attesterSet The contract there that checks quorum proofs.
/// @param era $ERA there.
/// @param deploymentBlock The block that created the gateway, from which the chain is read.
/// @param finality When a block counts.
/// @param finalityBlocks Blocks on top, only with `Finality.Blocks`; else 0.
/// @param readMode How its logs are read.
/// @param partition The chain's number on the bus, no other chain's ever.
struct ChainRegistration {
    uint64 chainId;
    address gateway;
    address hubAgent;
    address attesterSet;
    address era;
    uint64 deploymentBlock;
    Finality finality;
    uint32 finalityBlocks;
    ReadMode readMode;
    uint32 partition;
}

/// @notice A row of the module table as every chain is to have it. `moduleId` zero: removed.
struct ModuleRow {
    uint64 chainId;
    address module;
    uint32 moduleId;
    uint8 kind;
    uint64 version;
}

/// @notice An operator's attester.
/// @param id Attester id, the hash of its BLS key (docs/protocol.md §7); zero: the operator has none.
/// @param transportKey Ed25519 key that its batches are signed with.
/// @param stake Weight in the next epoch; zero: it is no member.
struct Attester {
    bytes32 id;
    bytes32 transportKey;
    uint96 stake;
}

/// @title The hub's registry: chains, modules, rules version, attesters and their epochs
/// @notice On the hub chain only. Every gateway names it as the one sender of `Governance`.
/// @dev What it decides for a chain is an act (docs/protocol.md §11): sent there, or on the hub itself done through the HubAgent.
interface IHub {
    /// @notice Who has which role at the beginning; the administrator may change that.
    /// @param admin Grants and revokes roles (`DEFAULT_ADMIN_ROLE`).
    /// @param registrar Registers chains and opens $ERA's ledger (`REGISTRAR_ROLE`).
    /// @param governor Tells chains what to do (`GOVERNOR_ROLE`).
    /// @param staker Sets stakes and announces epochs (`STAKER_ROLE`).
    struct Roles {
        address admin;
        address registrar;
        address governor;
        address staker;
    }

    // ---- Events that attesters read as facts of the hub (docs/protocol.md §11) ----

    /// @notice $ERA's ledger of the hub begins with this supply.
    event Opened(address era, uint256 supply);
    /// @notice An epoch was announced to every chain.
    event EpochAnnounced(uint64 indexed epoch, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt);

    // ---- Events that daemons follow ----

    /// @notice A chain joined.
    event ChainRegistered(uint64 indexed chainId, ChainRegistration registration);
    /// @notice A row of the module table, told to every chain; moduleId 0 removes it.
    event ModuleRegistered(uint64 indexed chainId, address indexed module, uint32 moduleId, uint8 kind, uint64 version);
    /// @notice A rules version was told to every chain. No block of a chain past `by` is signed while it lacks it (0: no such date).
    event RulesVersionAnnounced(uint32 version, uint64 by);
    /// @notice One chain has until another date.
    event RulesDateMoved(uint64 indexed chainId, uint32 version, uint64 by);
    /// @notice An operator showed that it has a key; it is no member of an epoch before it has a stake.
    event AttesterRegistered(address indexed operator, bytes32 indexed id, bytes key, bytes32 transportKey);
    /// @notice An operator's weight in the next epoch.
    event StakeSet(address indexed operator, uint96 stake);
    /// @notice A table was checked to be exactly the attesters with stake as they stand: it can be announced until a stake changes.
    event TableChecked(uint64 indexed epoch, bytes32 indexed tableHash);

    // ---- Errors ----

    /// @notice The hub's gateway names another registry, network or hub chain.
    error NotThisHub();
    /// @notice A zero where something must be given, or values that contradict each other.
    error RegistrationInvalid();
    /// @notice The chain is registered already. A redeployed gateway would be another origin.
    error ChainTaken(uint64 chainId);
    /// @notice The bus partition was given to another chain.
    error PartitionTaken(uint32 partition);
    /// @notice The hub's own contracts do not name one another, this registry and its network.
    error HubContractsDisagree();
    /// @notice The chain is not registered.
    error ChainUnknown(uint64 chainId);
    /// @notice The ledger was opened before.
    error AlreadyOpen();
    /// @notice The token is not the one that the hub's gateway takes fees in, or its supply is not the whole one.
    error NotTheWholeSupply(address era, uint256 supply);
    /// @notice The rules version is not above the present one, or, when a date is moved, above it.
    error RulesVersionInvalid(uint32 version, uint32 present);

    /// @notice The operator registered an attester before.
    error OperatorTaken(address operator);
    /// @notice Not 192 bytes of key and 96 of signature, or no transport key.
    error KeyMalformed();
    /// @notice The key or its negative, or the transport key, was registered before.
    error KeyTaken();
    /// @notice The point at infinity is nobody's key and no proof.
    error PointAtInfinity();
    /// @notice The proof is not of this key, operator and network.
    error PossessionNotProven();
    /// @notice The operator has no attester.
    error NotAttester(address operator);

    /// @notice The header does not say the attesters with stake as they stand, or another number than the next epoch's.
    error TableNotCurrent(uint64 epoch, uint256 members, uint256 totalStake);
    /// @notice Chunks are checked in order; after a stake changed from the first again.
    error ChunkOutOfOrder(uint256 index, uint256 next);
    /// @notice Keys stand strictly ascending by their x coordinate.
    error KeyOutOfOrder(uint256 member);
    /// @notice The entry is not an attester with this stake, or has a third of the whole or more.
    error EntryInvalid(uint256 member);
    /// @notice Chunks are missing, or a stake changed since they were checked.
    error TableNotChecked(bytes32 tableHash);
    /// @notice An epoch begins one overlap ahead and no later than the one before it ends, and lives at least 30 days.
    error EpochTimesInvalid(uint64 activatesAt, uint64 expiresAt);

    // ---- The registrar ----

    /// @notice Registers a chain, and tells it all that the others know; only the registrar.
    function registerChain(ChainRegistration calldata registration) external;

    /// @notice Opens $ERA's ledger and registers its bridge on the hub, once; only the registrar, with the hub registered.
    /// @param era The token, whose whole supply must be on the hub.
    function open(address era) external;

    // ---- The governor ----

    /// @notice Sets a row of the module table on every chain; only the governor. A moduleId of zero removes it.
    function setModule(uint32 moduleId, uint8 kind, uint64 chainId, address module) external;

    /// @notice Sets the rules version of every chain; only the governor.
    /// @param by Unix seconds after which no block of a chain that lacks it is signed; 0: no such date.
    function setRulesVersion(uint32 version, uint64 by) external;

    /// @notice Gives one chain another date for a rules version that was set; only the governor.
    function extendRulesDate(uint64 chainId, uint32 version, uint64 by) external;

    /// @notice Calls a module of a chain; only the governor.
    function callModule(uint64 chainId, address target, bytes calldata data) external;

    /// @notice Makes a destination settle a sequence that attesters cannot agree on; only the governor.
    function refuseUnproven(uint64 chainId, uint64 originChainId, address originGateway, uint64 sequence) external;

    /// @notice Makes an origin declare such a sequence void, once its refusal is home; only the governor.
    function overrule(uint64 chainId, uint64 destinationChainId, address destinationGateway, uint64 sequence) external;

    // ---- Attesters and epochs ----

    /// @notice Registers the caller's attester; anyone, once.
    /// @param key BLS key, 192 bytes.
    /// @param possession Proof of possession, 96 bytes (docs/protocol.md §7).
    /// @param transportKey Ed25519 key, 32 bytes.
    function registerAttester(bytes calldata key, bytes calldata possession, bytes32 transportKey) external;

    /// @notice Sets an operator's weight from the next epoch on; only the staker. Zero: it leaves.
    function setStake(address operator, uint96 stake) external;

    /// @notice Checks one chunk of the next epoch's table against the attesters with stake; anyone, chunks in order from 0.
    function closeEpoch(bytes calldata header, uint256 index, bytes calldata chunk) external;

    /// @notice Announces a table that was checked whole to every chain; only the staker.
    function announceEpoch(bytes32 tableHash, uint64 activatesAt, uint64 expiresAt) external;

    // ---- Views ----

    function network() external view returns (bytes32);
    function gateway() external view returns (address);
    function hubAgent() external view returns (address);
    function attesterSet() external view returns (address);
    /// @notice Seconds between announcing an epoch and its beginning, at least.
    function epochOverlap() external view returns (uint64);
    /// @notice Whether $ERA's ledger was opened.
    function isOpen() external view returns (bool);
    /// @notice What was registered; all zero for a chain that was not.
    function chainOf(uint64 chainId) external view returns (ChainRegistration memory);
    /// @notice Every registered chain, in the order of registration.
    function chainIds() external view returns (uint64[] memory);
    /// @notice Every row that was ever set, removed ones with a moduleId of zero.
    function moduleRows() external view returns (ModuleRow[] memory);
    /// @notice The rules version in force, and its date.
    function rules() external view returns (uint32 version, uint64 by);
    function attesterOf(address operator) external view returns (Attester memory);
    /// @notice How many attesters have a stake, and what they have together.
    function stakes() external view returns (uint256 members, uint256 total);
}
