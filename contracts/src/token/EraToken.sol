// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

/// @title $ERA
/// @notice One supply of a billion over all chains: minted once, on the hub, and moved between chains by burn and mint.
/// @dev ERC-20 with permit (ERC-2612), votes (ERC-5805) counted by block time (ERC-6372), and ERC-7802 for the bridge alone.
contract EraToken is ERC20, ERC20Permit, ERC20Votes, ERC20Bridgeable {
    /// @notice The whole supply, in the smallest unit.
    uint256 public constant SUPPLY = 1_000_000_000 ether;

    /// @notice The one contract that mints what was burnt on another chain, and burns what goes there.
    address public immutable bridge;

    /// @notice A token without a bridge could never leave, or never reach, its chain.
    error BridgeMissing();
    /// @notice Only the bridge mints and burns.
    error NotBridge(address caller);

    /// @param hubChainId The chain on which the supply is minted.
    /// @param holder Who receives the supply there; unused elsewhere.
    /// @param bridge_ The value module of this chain.
    constructor(uint64 hubChainId, address holder, address bridge_) ERC20("Era", "ERA") ERC20Permit("Era") {
        if (bridge_ == address(0)) revert BridgeMissing();
        bridge = bridge_;
        if (block.chainid == hubChainId) _mint(holder, SUPPLY);
    }

    /// @notice Votes are counted by block time: block numbers of two chains cannot be compared.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice The clock's name, as ERC-6372 wants it.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice The next nonce for permits and delegations by signature.
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }

    function _checkTokenBridge(address caller) internal view override {
        if (caller != bridge) revert NotBridge(caller);
    }
}
