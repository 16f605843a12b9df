//! What gateways log and how they are called (docs/protocol.md §10).
//!
//! [`abi`] has the contracts' own declarations; this module reads logs strictly. A log that the immutable gateway
//! could not have written is an error, never repaired.

mod sent;

use alloy::{primitives::B256, sol_types::SolEvent};

pub use sent::read_sent;

use crate::{
    derivation::VerifiedLog,
    ids::InvalidChainId,
    interop::InteropError,
    message::{MessageError, PayloadTooLong, UnknownKind},
};

/// The declarations of gateways and recipients.
#[allow(
    missing_docs,
    clippy::too_many_arguments,
    reason = "declared in Solidity, documented there and in docs/protocol.md §10"
)]
pub mod abi {
    alloy::sol! {
        // ERC-7786 gateway source.
        #[derive(Debug, PartialEq, Eq)]
        event MessageSent(bytes32 indexed sendId, bytes sender, bytes recipient, bytes payload, uint256 value, bytes[] attributes);

        function sendMessage(bytes recipient, bytes payload, bytes[] attributes) payable returns (bytes32);

        // ERC-7786 recipient.
        function receiveMessage(bytes32 receiveId, bytes sender, bytes payload) payable returns (bytes4);

        // Attributes that a caller may give.
        #[derive(Debug, PartialEq, Eq)]
        function gasLimit(uint256 gasLimit);
        #[derive(Debug, PartialEq, Eq)]
        function ordered();
        #[derive(Debug, PartialEq, Eq)]
        function payer(address payer);
        #[derive(Debug, PartialEq, Eq)]
        function kind(uint8 kind);
        #[derive(Debug, PartialEq, Eq)]
        function gateway(address gateway);

        // The gateway's own attribute, always the last.
        #[derive(Debug, PartialEq, Eq)]
        function sent(bytes32 id, uint64 sequence, address destinationGateway, uint8 kind, uint32 gasLimit, address payer, uint128 fee, uint64 afterSequence);

        // What else the facts of an origin are folded from.
        #[derive(Debug, PartialEq, Eq)]
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

        #[derive(Debug, PartialEq, Eq)]
        event RouteSet(uint64 indexed destinationChainId, Route route);
        #[derive(Debug, PartialEq, Eq)]
        event ModuleSet(uint64 indexed chainId, address indexed module, uint32 moduleId, uint8 kind, uint64 version);
        #[derive(Debug, PartialEq, Eq)]
        event RulesVersionSet(uint32 version);
        #[derive(Debug, PartialEq, Eq)]
        event Overruled(uint64 indexed destinationChainId, address indexed destinationGateway, uint64 sequence);

        function setRoute(uint64 destinationChainId, Route route);
        function routeTo(uint64 destinationChainId) view returns (Route);

        // A row of the module table; moduleId 0: no module.
        #[derive(Debug, PartialEq, Eq)]
        struct Module {
            uint32 moduleId;
            uint8 kind;
            uint64 version;
        }

        function moduleAt(uint64 chainId, address account) view returns (Module);

        // Deliveries.
        #[derive(Debug, PartialEq, Eq)]
        event RootAccepted(uint64 indexed originChainId, address indexed originGateway, uint64 count, bytes32 laneRoot);
        #[derive(Debug, PartialEq, Eq)]
        event MessageDelivered(bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence);
        #[derive(Debug, PartialEq, Eq)]
        event MessageFailed(bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence, bytes32 reason);
        #[derive(Debug, PartialEq, Eq)]
        event MessageVoided(bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence);
        #[derive(Debug, PartialEq, Eq)]
        event MessageRefused(bytes32 indexed id, uint64 originChainId, address originGateway, uint64 sequence);
        #[derive(Debug, PartialEq, Eq)]
        event RangeDelivered(uint64 indexed originChainId, address indexed originGateway, uint64 first, uint256 bitmap, address executor);

        // Coming home.
        #[derive(Debug, PartialEq, Eq)]
        event Refused(bytes32 indexed id, uint64 destinationChainId, address destinationGateway, uint64 sequence);
        #[derive(Debug, PartialEq, Eq)]
        event Reclaimed(bytes32 indexed id, bool value, bool fee);
        #[derive(Debug, PartialEq, Eq)]
        event FeesClaimed(uint64 indexed destinationChainId, address indexed destinationGateway, address indexed executor, uint256 amount);
        #[derive(Debug, PartialEq, Eq)]
        event SnapshotTaken(uint64 indexed destinationChainId, address indexed destinationGateway, uint64 count, bytes32 laneRoot);

        // $ERA's own (ERC-7802), and the hub's registry.
        #[derive(Debug, PartialEq, Eq)]
        event CrosschainBurn(address indexed from, uint256 amount, address indexed sender);
        #[derive(Debug, PartialEq, Eq)]
        event Opened(address era, uint256 supply);
        #[derive(Debug, PartialEq, Eq)]
        event EpochAnnounced(uint64 indexed epoch, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt);
        #[derive(Debug, PartialEq, Eq)]
        event AttesterRegistered(address indexed operator, bytes32 indexed id, bytes key, bytes32 transportKey);
        #[derive(Debug, PartialEq, Eq)]
        event StakeSet(address indexed operator, uint96 stake);

        // Attester sets.
        #[derive(Debug, PartialEq, Eq)]
        struct Epoch {
            bytes32 tableHash;
            uint64 activatesAt;
            uint64 expiresAt;
            uint16 members;
            uint128 totalStake;
            uint16 chunks;
        }

        function epoch(uint64 number) view returns (Epoch);
        #[derive(Debug, PartialEq, Eq)]
        function loadChunk(bytes header, uint256 index, bytes chunk);

        #[derive(Debug, PartialEq, Eq)]
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

        #[derive(Debug, PartialEq, Eq)]
        function accept(Commitment commitment, bytes proof, uint64 count, bytes32 laneRoot, bytes32[] laneProof);
        #[derive(Debug, PartialEq, Eq)]
        function deliver(uint64 originChainId, address originGateway, uint64 count, uint64 first, bytes items, bytes rangeProof);
        #[derive(Debug, PartialEq, Eq)]
        function acceptAndDeliver(Commitment commitment, bytes proof, bytes32[] laneProof, uint64 count, uint64 first, bytes items, bytes rangeProof);

        #[derive(Debug, PartialEq, Eq)]
        function retry(bytes message);
        #[derive(Debug, PartialEq, Eq)]
        function refuse(bytes message);
        #[derive(Debug, PartialEq, Eq)]
        function snapshot(uint64 destinationChainId, address destinationGateway);
        #[derive(Debug, PartialEq, Eq)]
        function reclaim(bytes message, uint64 count, bytes path);
        #[derive(Debug, PartialEq, Eq)]
        function reclaimVoid(bytes message, Commitment commitment, bytes proof, uint64 count, bytes32 laneRoot, bytes32[] laneProof, bytes path);
        #[derive(Debug, PartialEq, Eq)]
        function claimFees(Commitment commitment, bytes proof, address executor, uint256 total, bytes32[] factProof);
        function feesPaid(uint64 destinationChainId, address destinationGateway, address executor) view returns (uint256);

        // What became of a sequence at its destination.
        #[derive(Debug, PartialEq, Eq)]
        enum Status {
            Open,
            Failed,
            Settled
        }

        #[derive(Debug, PartialEq, Eq)]
        function statusOf(uint64 originChainId, address originGateway, uint64 sequence) view returns (Status status, uint64 failedAt);
    }
}

/// Why a log is none that a gateway writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Its topics or data are not the one ABI encoding of the event.
    #[error("not the ABI encoding of {0}")]
    Encoding(&'static str),
    /// An attribute is unknown, given twice or not the one ABI encoding of its value.
    #[error("attribute {0} of the message is not one that a gateway logs")]
    Attribute(usize),
    /// The gateway's own attribute is missing.
    #[error("the message carries no `sent` attribute of the gateway's own at the end")]
    NoSent,
    /// An attribute of the caller says something else than the gateway's own.
    #[error("the caller's {0} and the gateway's `sent` attribute differ")]
    Contradiction(&'static str),
    /// A constant field has another value.
    #[error("{0} of a sent message is always 0")]
    NotZero(&'static str),
    /// The sender or recipient is no interoperable address of an EVM contract.
    #[error(transparent)]
    Interop(#[from] InteropError),
    /// A chain is 0.
    #[error(transparent)]
    Chain(#[from] InvalidChainId),
    /// The kind is none of the kinds.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// The payload is above the bound.
    #[error(transparent)]
    Payload(#[from] PayloadTooLong),
    /// It has no canonical bytes.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// Reads `log` as event `E`; whatever is read encodes to the same topics and data again.
pub fn read<E: SolEvent>(log: &VerifiedLog) -> Result<E, LogError> {
    let error = LogError::Encoding(E::SIGNATURE);
    let event = E::decode_raw_log_validate(log.topics.iter().copied(), &log.data).map_err(|_| error.clone())?;
    let topics: Vec<B256> = event.encode_topics().into_iter().map(B256::from).collect();
    if topics == log.topics && event.encode_data() == log.data { Ok(event) } else { Err(error) }
}

impl From<&crate::commitment::Commitment> for abi::Commitment {
    fn from(commitment: &crate::commitment::Commitment) -> Self {
        Self {
            version: commitment.version,
            network: commitment.network.0,
            originChainId: commitment.origin.chain.get(),
            originGateway: commitment.origin.gateway,
            blockNumber: commitment.block_number,
            blockHash: commitment.block_hash,
            lanesRoot: commitment.lanes_root,
            factsRoot: commitment.facts_root,
        }
    }
}

impl From<abi::Route> for crate::facts::Route {
    fn from(route: abi::Route) -> Self {
        Self {
            gateway: route.gateway,
            kinds: route.kinds,
            bytes_max: route.bytesMax,
            gas_max: route.gasMax,
            value_max: route.valueMax,
            fee_base: route.feeBase,
            fee_per_byte: route.feePerByte,
            fee_per_gas: route.feePerGas,
        }
    }
}

impl From<crate::facts::Route> for abi::Route {
    fn from(route: crate::facts::Route) -> Self {
        Self {
            gateway: route.gateway,
            kinds: route.kinds,
            bytesMax: route.bytes_max,
            gasMax: route.gas_max,
            valueMax: route.value_max,
            feeBase: route.fee_base,
            feePerByte: route.fee_per_byte,
            feePerGas: route.fee_per_gas,
        }
    }
}
