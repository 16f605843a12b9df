// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IModule} from "./IModule.sol";

/// @title $ERA's way from chain to chain: burnt where it leaves, minted where it arrives
/// @notice One a chain, the token's only minter. What travels is `abi.encode(address token, address from, uint256 amount,
/// address to)`, kind `ValueFlow` (docs/protocol.md §12).
interface IEraBridge is IERC7786Recipient, IModule {
    /// @notice How much may arrive from one origin: a bucket of `capacity` that fills again within `window` seconds.
    /// @dev `originChainId` zero: of every origin without a cap of its own.
    event InboundCapSet(uint64 indexed originChainId, uint208 capacity, uint48 window);

    /// @notice The token obeys another bridge.
    error NotTheTokensBridge(address bridge);
    /// @notice The function is the gateway's, or the hub's.
    error NotAllowed(address caller);
    /// @notice The hub's table has no such module on this chain, or none on that one: what is sent would be void.
    error NoCounterpart(uint64 chainId);
    /// @notice Zero, or more than the route lets through in one message.
    error AmountOutOfRange(uint256 amount, uint256 max);
    /// @notice Nobody would get it.
    error RecipientMissing();
    /// @notice Not exactly an ABI-encoded transfer.
    error TransferMalformed();
    /// @notice Given back before.
    error AlreadyReclaimed(bytes32 id);
    /// @notice A bucket needs a time in which it fills.
    error CapInvalid();

    /// @notice Sends the caller's $ERA to another chain. The caller also pays the fee, for which it has approved this contract;
    /// if the message is void, amount and fee come back to it.
    /// @param destinationChainId EIP-155 id.
    /// @param to Who gets it there.
    /// @param amount In the smallest unit.
    function transfer(uint64 destinationChainId, address to, uint256 amount) external;

    /// @notice The same, with the approval for the fee signed (ERC-2612).
    function transferWithPermit(
        uint64 destinationChainId,
        address to,
        uint256 amount,
        uint256 feeMax,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice What `transfer` would take from the caller on top of the amount.
    function quote(uint64 destinationChainId, address to, uint256 amount) external view returns (uint256 fee);

    /// @notice Caps what arrives from an origin, or (zero) from all that have no cap of their own; only the HubAgent.
    function setInboundCap(uint64 originChainId, uint208 capacity, uint48 window) external;

    /// @notice How much may arrive from an origin now.
    function inboundAvailable(uint64 originChainId) external view returns (uint256);

    function gateway() external view returns (address);
    function hubAgent() external view returns (address);
    function era() external view returns (address);
    /// @notice This module's number in the hub's table.
    function moduleId() external view returns (uint32);
}
