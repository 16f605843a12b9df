// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Bounded, checked calls to precompiles
/// @notice EIP-2537's curve operations, EIP-198's modular exponentiation, SHA-256.
/// @dev Two traps are closed here and nowhere else. A refused input burns all the gas it was given, so every call is
/// capped, at about twice its price or (multiplication) its undiscounted price. A chain without the precompile answers
/// with success and no data, so the size of the answer is checked.
library Precompiles {
    address internal constant SHA256 = address(0x02);
    address internal constant MODEXP = address(0x05);
    address internal constant G1_ADD = address(0x0b);
    address internal constant G2_ADD = address(0x0d);
    address internal constant G2_MSM = address(0x0e);
    address internal constant PAIRING = address(0x0f);
    address internal constant MAP_FP_TO_G1 = address(0x10);

    uint256 internal constant MODEXP_GAS = 2_000;
    uint256 internal constant G1_ADD_GAS = 1_000;
    uint256 internal constant G2_ADD_GAS = 1_500;
    /// @dev For each point.
    uint256 internal constant G2_MSM_GAS = 22_500;
    /// @dev For two pairs.
    uint256 internal constant PAIRING_GAS = 200_000;
    uint256 internal constant MAP_FP_TO_G1_GAS = 12_000;

    /// @notice The chain lacks the precompile, or it refused its input (a point that is not on the curve, not in the
    /// subgroup, or has a coordinate of p or more), or gas ran out.
    error PrecompileFailed(address precompile);

    /// @dev Calls `precompile` with the memory at `input` and writes its answer, of exactly `outputSize` bytes, to `output`.
    function invoke(
        address precompile,
        uint256 gasLimit,
        uint256 input,
        uint256 inputSize,
        uint256 output,
        uint256 outputSize
    ) internal view {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gasLimit, precompile, input, inputSize, output, outputSize)
            ok := and(ok, eq(returndatasize(), outputSize))
        }
        if (!ok) revert PrecompileFailed(precompile);
    }
}
