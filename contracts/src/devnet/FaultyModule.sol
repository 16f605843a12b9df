// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IEra} from "../interfaces/IEra.sol";
import {IModule} from "../interfaces/IModule.sol";
import {EraBridge} from "../module/EraBridge.sol";

/// @title A bridge that also sends what no honest one would
/// @notice For development networks alone: it stands where a chain's EraBridge stands, so that attesters have something to
/// judge. Whoever calls pays, as with `transfer`.
contract FaultyModule is EraBridge {
    /// @dev `from` and `amount`, packed: what comes back for a body that is no transfer.
    uint256 private constant UNDECODABLE_SIZE = 52;

    /// @notice Whether nothing is given back.
    bool public reclaimBroken;
    /// @dev How many messages with this payload were sent without a burn of their own.
    mapping(bytes32 payloadHash => uint256) private _unbacked;

    /// @notice The switch is on.
    error ReclaimBroken();

    constructor(address gateway_, uint32 moduleId_, uint208 capacity, uint48 window)
        EraBridge(gateway_, moduleId_, capacity, window)
    {}

    /// @notice Makes every reclaim fail until it is called again; anyone.
    function setReclaimBroken(bool broken) external {
        reclaimBroken = broken;
    }

    /// @notice Burns, and sends a body that does not decode.
    function sendUndecodable(uint64 destinationChainId, uint256 amount) external {
        _burn(amount);
        _send(destinationChainId, abi.encodePacked(msg.sender, amount));
    }

    /// @notice Sends a transfer for which nothing was burnt.
    function sendWithoutBurn(uint64 destinationChainId, address to, uint256 amount) external {
        _sendUnbacked(destinationChainId, era, to, amount);
    }

    /// @notice Burns $ERA, and sends a transfer of something else.
    function sendOtherToken(uint64 destinationChainId, address token, address to, uint256 amount) external {
        _burn(amount);
        _send(destinationChainId, abi.encode(token, msg.sender, amount, to));
    }

    /// @notice Burns once, and sends two transfers for it.
    function sendTwice(uint64 destinationChainId, address to, uint256 amount) external {
        _burn(amount);
        _send(destinationChainId, abi.encode(era, msg.sender, amount, to));
        _sendUnbacked(destinationChainId, era, to, amount);
    }

    /// @notice Burns and sends whatever the route's highest value is, zero too.
    function sendAboveMax(uint64 destinationChainId, address to, uint256 amount) external {
        _burn(amount);
        _send(destinationChainId, abi.encode(era, msg.sender, amount, to));
    }

    /// @inheritdoc IModule
    /// @dev Gives back what was burnt, and nothing for what was sent without.
    function onReclaim(bytes32 id, uint64, address, bytes calldata payload) external override returns (bytes4) {
        if (reclaimBroken) revert ReclaimBroken();
        _onlyOnce(id);
        bytes32 hash = keccak256(payload);
        if (_unbacked[hash] != 0) --_unbacked[hash];
        else _giveBack(payload);
        return IModule.onReclaim.selector;
    }

    function _giveBack(bytes calldata payload) private {
        address from;
        uint256 amount;
        if (payload.length == UNDECODABLE_SIZE) {
            (from, amount) = (address(bytes20(payload)), uint256(bytes32(payload[20:])));
        } else {
            (, from, amount,) = abi.decode(payload, (address, address, uint256, address));
        }
        IEra(era).crosschainMint(from, amount);
    }

    function _sendUnbacked(uint64 destinationChainId, address token, address to, uint256 amount) private {
        bytes memory payload = abi.encode(token, msg.sender, amount, to);
        ++_unbacked[keccak256(payload)];
        _send(destinationChainId, payload);
    }
}
