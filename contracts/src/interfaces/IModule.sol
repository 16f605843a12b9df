// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title What a module does beside ERC-7786's `receiveMessage`
interface IModule {
    /// @notice Gives back what was locked or burnt for a message of this module that will never be delivered.
    /// @dev Called by the gateway, at most once a message in all. If it reverts, the message can be reclaimed later.
    /// @param id The message's id.
    /// @param destinationChainId Where it was to go.
    /// @param recipient The module's contract there.
    /// @param payload What it carried, with the `from` that gets the value back.
    /// @return This function's selector.
    function onReclaim(bytes32 id, uint64 destinationChainId, address recipient, bytes calldata payload)
        external
        returns (bytes4);
}
