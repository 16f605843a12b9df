// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";

/// @notice One on each chain: what is said to one, the other repeats. The example of docs/rollup-teams.md.
contract Greeter is ERC7786Recipient {
    IGateway private immutable gateway;
    IERC20 private immutable era;
    /// The other one, as an interoperable address (ERC-7930). Set once.
    bytes public twin;
    string public heard;

    constructor(IGateway gateway_, IERC20 era_) {
        (gateway, era) = (gateway_, era_);
    }

    function pair(bytes calldata twin_) external {
        require(twin.length == 0);
        twin = twin_;
    }

    /// The caller has approved this contract for the fee, and gets it back if the message is void.
    function greet(string calldata words) external {
        bytes memory payload = abi.encode(words);
        bytes[] memory attributes = new bytes[](2);
        attributes[0] = abi.encodeWithSignature("gasLimit(uint256)", 100_000);
        attributes[1] = abi.encodeWithSignature("payer(address)", msg.sender);
        uint256 fee = gateway.quote(twin, payload, attributes);
        era.transferFrom(msg.sender, address(this), fee);
        era.approve(address(gateway), fee);
        gateway.sendMessage(twin, payload, attributes);
    }

    function _isAuthorizedGateway(address caller, bytes calldata sender) internal view override returns (bool) {
        return caller == address(gateway) && keccak256(sender) == keccak256(twin);
    }

    function _processMessage(address, bytes32, bytes calldata, bytes calldata payload) internal override {
        heard = abi.decode(payload, (string));
    }
}
