// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Bytes kept as the code of a contract
/// @notice A third of a storage slot's price to write, and one cold access to read, whatever the length.
/// @dev All such code begins with STOP, so that calling it does nothing, not even in the transaction that made it.
library CodeStore {
    /// @notice The code could not be stored: gas ran out, or the call stack is full.
    error NotStored();

    /// @notice Stores `data`, at most 24,575 bytes, as the code of a new contract.
    function write(bytes calldata data) internal returns (address at) {
        // codecopy(0, 10, size); return(0, size)
        bytes memory initCode = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a5f395ff3", hex"00", data);
        assembly ("memory-safe") {
            at := create(0, add(initCode, 32), mload(initCode))
        }
        if (at == address(0)) revert NotStored();
    }

    /// @notice Fills `data` with what is stored at `at` from `offset` on.
    function read(address at, uint256 offset, bytes memory data) internal view {
        assembly ("memory-safe") {
            extcodecopy(at, add(data, 32), add(offset, 1), mload(data))
        }
    }
}
