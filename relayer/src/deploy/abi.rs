//! The constructors, and what is called while deploying; documented in `contracts/src`.

#![allow(missing_docs, clippy::too_many_arguments, reason = "declared in Solidity, and documented there")]

alloy::sol! {
    struct FirstEpoch {
        uint64 number;
        bytes32 tableHash;
        uint64 activatesAt;
        uint64 expiresAt;
    }

    struct Epoch {
        bytes32 tableHash;
        uint64 activatesAt;
        uint64 expiresAt;
        uint16 members;
        uint128 totalStake;
        uint16 chunks;
    }

    function loadChunk(bytes header, uint256 index, bytes chunk);
    function epoch(uint64 number) returns (Epoch);

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

    // The chain lacks a precompile of EIP-2537, or it computes something else.
    error PrecompileFailed(address precompile);
    error PrecompileWrong(address precompile);
}
