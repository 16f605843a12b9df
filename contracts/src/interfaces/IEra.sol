// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title $ERA, as the contracts around it need it
interface IEra is IERC20, IERC20Permit, IERC7802 {
    /// @notice The whole supply over all chains, in the smallest unit.
    function SUPPLY() external view returns (uint256);

    /// @notice The one contract that mints and burns for other chains.
    function bridge() external view returns (address);
}
