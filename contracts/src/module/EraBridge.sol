// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {Kinds} from "../gateway/Kinds.sol";
import {IEra} from "../interfaces/IEra.sol";
import {IEraBridge} from "../interfaces/IEraBridge.sol";
import {IGateway, Module} from "../interfaces/IGateway.sol";
import {IHubAgent} from "../interfaces/IHubAgent.sol";
import {IModule} from "../interfaces/IModule.sol";

/// @title $ERA's way from chain to chain: burnt where it leaves, minted where it arrives
/// @notice Nothing is ever minted but by a message of the same module that attesters judged, or in place of one of its own
/// that was never delivered.
/// @dev It holds nothing between two calls: the fee passes through within `transfer`.
contract EraBridge is IEraBridge, ERC7786Recipient {
    using RateLimiter for RateLimiter.RefillingBucket;

    /// @dev Four words: token, from, amount, to.
    uint256 private constant TRANSFER_SIZE = 128;
    /// @dev What minting takes at most, with the receiver's delegate's first vote and the cap's first entry, and a reserve.
    uint256 private constant DELIVERY_GAS = 250_000;

    address public immutable override gateway;
    address public immutable override hubAgent;
    address public immutable override era;
    uint32 public immutable override moduleId;

    /// @dev By origin chain; that of zero holds the settings for those without a cap of their own, whose entries it keeps too.
    mapping(uint64 originChainId => RateLimiter.RefillingBucket) private _caps;
    mapping(bytes32 id => bool) private _reclaimed;

    /// @param gateway_ This chain's gateway, which names token and HubAgent; both know this contract already.
    /// @param moduleId_ This module's number in the hub's table.
    /// @param capacity How much may arrive at once from each origin without a cap of its own.
    /// @param window Seconds in which that fills again.
    constructor(address gateway_, uint32 moduleId_, uint208 capacity, uint48 window) {
        IGateway.Config memory config = IGateway(gateway_).config();
        address bridge = IEra(config.era).bridge();
        if (bridge != address(this)) revert NotTheTokensBridge(bridge);
        (gateway, hubAgent, era, moduleId) = (gateway_, config.hubAgent, config.era, moduleId_);
        _setCap(0, capacity, window);
        // For fees, which are all that is ever here.
        IERC20(config.era).approve(gateway_, type(uint256).max);
    }

    /// @inheritdoc IEraBridge
    function transfer(uint64 destinationChainId, address to, uint256 amount) external override {
        _transfer(destinationChainId, to, amount);
    }

    /// @inheritdoc IEraBridge
    function transferWithPermit(
        uint64 destinationChainId,
        address to,
        uint256 amount,
        uint256 feeMax,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external override {
        // Whoever saw the signature may have used it first: what counts is the approval.
        try IEra(era).permit(msg.sender, address(this), feeMax, deadline, v, r, s) {} catch {}
        _transfer(destinationChainId, to, amount);
    }

    /// @inheritdoc IModule
    function onReclaim(bytes32 id, uint64, address, bytes calldata payload) external virtual override returns (bytes4) {
        _onlyOnce(id);
        (address from, uint256 amount,) = _decode(payload);
        IEra(era).crosschainMint(from, amount);
        return IModule.onReclaim.selector;
    }

    /// @inheritdoc IEraBridge
    function setInboundCap(uint64 originChainId, uint208 capacity, uint48 window) external override {
        if (msg.sender != hubAgent) revert NotAllowed(msg.sender);
        _setCap(originChainId, capacity, window);
    }

    /// @inheritdoc IEraBridge
    function quote(uint64 destinationChainId, address to, uint256 amount) external view override returns (uint256) {
        bytes memory recipient = _counterpart(destinationChainId);
        return IGateway(gateway).quote(recipient, abi.encode(era, msg.sender, amount, to), _attributes());
    }

    /// @inheritdoc IEraBridge
    function inboundAvailable(uint64 originChainId) external view override returns (uint256) {
        return _capOf(originChainId).available(bytes32(uint256(originChainId)));
    }

    /// @dev Burnt before it is sent: attesters look for the burn before the message.
    function _transfer(uint64 destinationChainId, address to, uint256 amount) private {
        if (to == address(0)) revert RecipientMissing();
        uint256 max = IGateway(gateway).routeTo(destinationChainId).valueMax;
        if (amount == 0 || amount > max) revert AmountOutOfRange(amount, max);
        _burn(amount);
        _send(destinationChainId, abi.encode(era, msg.sender, amount, to));
    }

    function _burn(uint256 amount) internal {
        IEra(era).crosschainBurn(msg.sender, amount);
    }

    /// @dev Sends in the caller's name, who pays the fee and gets it back.
    function _send(uint64 destinationChainId, bytes memory payload) internal {
        bytes memory recipient = _counterpart(destinationChainId);
        bytes[] memory attributes = _attributes();
        uint256 fee = IGateway(gateway).quote(recipient, payload, attributes);
        if (fee != 0) SafeERC20.safeTransferFrom(IERC20(era), msg.sender, address(this), fee);
        IGateway(gateway).sendMessage(recipient, payload, attributes);
    }

    /// @dev Reverts unless the gateway calls for a message that was not given back before. The gateway promises that too.
    function _onlyOnce(bytes32 id) internal {
        if (msg.sender != gateway) revert NotAllowed(msg.sender);
        if (_reclaimed[id]) revert AlreadyReclaimed(id);
        _reclaimed[id] = true;
    }

    /// @dev That the sender is this module's there, the gateway has checked already. Minting is worth a second look.
    function _isAuthorizedGateway(address caller, bytes calldata sender) internal view override returns (bool) {
        if (caller != gateway) return false;
        (uint256 chainId, address account) = InteroperableAddress.parseEvmV1Calldata(sender);
        Module memory row = IGateway(gateway).moduleAt(uint64(chainId), account);
        return row.moduleId == moduleId && row.kind == Kinds.VALUE_FLOW;
    }

    /// @dev The token is the origin's own, which attesters have compared. Above the cap it reverts: it can be retried.
    function _processMessage(address, bytes32, bytes calldata sender, bytes calldata payload) internal override {
        (, uint256 amount, address to) = _decode(payload);
        (uint256 chainId,) = InteroperableAddress.parseEvmV1Calldata(sender);
        _capOf(uint64(chainId)).consume(bytes32(chainId), amount);
        IEra(era).crosschainMint(to, amount);
    }

    function _decode(bytes calldata payload) private pure returns (address from, uint256 amount, address to) {
        if (payload.length != TRANSFER_SIZE) revert TransferMalformed();
        (, from, amount, to) = abi.decode(payload, (address, address, uint256, address));
    }

    function _attributes() private view returns (bytes[] memory attributes) {
        attributes = new bytes[](3);
        attributes[0] = abi.encodeWithSignature("kind(uint8)", Kinds.VALUE_FLOW);
        attributes[1] = abi.encodeWithSignature("payer(address)", msg.sender);
        attributes[2] = abi.encodeWithSignature("gasLimit(uint256)", DELIVERY_GAS);
    }

    /// @dev This module's contract on another chain. Without a row on either side the message would be void.
    function _counterpart(uint64 chainId) private view returns (bytes memory) {
        uint64 here = uint64(block.chainid);
        if (IHubAgent(hubAgent).moduleOf(moduleId, here) != address(this)) revert NoCounterpart(here);
        address there = IHubAgent(hubAgent).moduleOf(moduleId, chainId);
        if (there == address(0)) revert NoCounterpart(chainId);
        return InteroperableAddress.formatEvmV1(chainId, there);
    }

    function _setCap(uint64 originChainId, uint208 capacity, uint48 window) private {
        if (window == 0) revert CapInvalid();
        _caps[originChainId].updateSettings(window, capacity);
        emit InboundCapSet(originChainId, capacity, window);
    }

    function _capOf(uint64 originChainId) private view returns (RateLimiter.RefillingBucket storage) {
        RateLimiter.RefillingBucket storage own = _caps[originChainId];
        return own._window == 0 ? _caps[0] : own;
    }
}
