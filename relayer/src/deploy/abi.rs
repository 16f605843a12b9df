//! The constructors, and what is called while deploying; documented in `contracts/src`.

#![allow(missing_docs, clippy::too_many_arguments, reason = "declared in Solidity, and documented there")]

alloy::sol! {
    struct FirstEpoch {
        uint64 number;
        bytes32 tableHash;
        uint64 activatesAt;
        uint64 expiresAt;
    }

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

    contract AttesterSet {
        constructor(bytes32 network, uint64 hubChainId, address hubGateway, address hubAgent, address council, FirstEpoch first);
    }

    contract Council {
        constructor(address[] members);
    }

    contract EraToken {
        constructor(uint64 hubChainId, address holder, address bridge);
    }

    contract HubAgent {
        constructor(address gateway, address attesterSet, uint64 hubChainId, address hubRegistry);
    }

    contract Gateway {
        constructor(Config config);
    }

    contract EraBridge {
        constructor(address gateway, uint32 moduleId, uint208 capacity, uint48 window);
    }

    struct HubRoles {
        address admin;
        address registrar;
        address governor;
        address staker;
    }

    contract Hub {
        constructor(string name, address gateway, uint64 epochOverlap, HubRoles roles);
    }

    struct ChainRegistration {
        uint64 chainId;
        address gateway;
        address hubAgent;
        address attesterSet;
        address era;
        uint64 deploymentBlock;
        uint8 finality;
        uint32 finalityBlocks;
        uint8 readMode;
        uint32 partition;
    }

    function registerChain(ChainRegistration registration);
    function open(address era);
    function setModule(uint32 moduleId, uint8 kind, uint64 chainId, address module);

    // The registry's roles: OpenZeppelin AccessControl's.
    function grantRole(bytes32 role, address account);
    function renounceRole(bytes32 role, address callerConfirmation);

    // What is asked of a gateway.
    function config() view returns (Config);
    function registerAttester(bytes key, bytes possession, bytes32 transportKey);
    function setStake(address operator, uint96 stake);
    function closeEpoch(bytes header, uint256 index, bytes chunk);
    function announceEpoch(bytes32 tableHash, uint64 activatesAt, uint64 expiresAt);

    // The chain lacks a precompile of EIP-2537, or it computes something else.
    error PrecompileFailed(address precompile);
    error PrecompileWrong(address precompile);
}
