// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// @notice What the hub can tell a chain to do. An act is `abi.encode(uint8 act, bytes body)`; the body, ABI-encoded, is named at each.
enum Act {
    /// `(uint64 chainId, address module, uint32 moduleId, uint8 kind, uint64 version)`: a row of the gateway's module table.
    SetModule,
    /// `(uint32 version, uint64 by)`: the rules version in force. `by` is for those who sign: see docs/protocol.md §11.
    SetRulesVersion,
    /// `(uint64 epoch, bytes32 tableHash, uint64 activatesAt, uint64 expiresAt)`: the next epoch of attesters.
    AnnounceEpoch,
    /// `(address target, bytes data)`: the timelock's call to a module of this chain.
    CallModule,
    /// `(uint64 originChainId, address originGateway, uint64 sequence)`: settles what attesters cannot agree on.
    RefuseUnproven,
    /// `(uint64 destinationChainId, address destinationGateway, uint64 sequence)`: declares it void, back home.
    Overrule
}

/// @title The hub's hand on a chain
/// @notice One a chain, immutable: the only recipient of `Governance`, and the only one whom gateway and AttesterSet obey.
/// @dev Acts may arrive late or twice: those that carry a version change nothing when they are not newer.
interface IHubAgent is IERC7786Recipient {
    /// @notice The act was done.
    event ActDone(Act indexed act);

    /// @notice A constructor argument that must not be zero is.
    error ZeroArgument();
    /// @notice Acts come from the gateway, and on the hub from the registry alone.
    error NotAllowed(address caller);
    /// @notice The message is not from the hub's registry.
    error NotFromRegistry(bytes sender);
    /// @notice An act that this contract does not know.
    error UnknownAct(uint8 act);
    /// @notice The target is not a module of this chain.
    error NotModule(address target);

    /// @notice Does an act; only the registry, and only on the hub, where no message can come from the hub.
    function act(bytes calldata encoded) external;

    /// @notice The contract of a module on a chain, by the newest row that named one; zero if none is in force.
    /// @dev The gateway's table answers whether an account is a module; this, where a module is.
    function moduleOf(uint32 moduleId, uint64 chainId) external view returns (address);

    function gateway() external view returns (address);
    function attesterSet() external view returns (address);
    function hubChainId() external view returns (uint64);
    function hubRegistry() external view returns (address);
}
