// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {vm} from "../support/Vm.sol";

/// @dev $ERA as tests see it.
interface IEraToken is IERC20, IERC20Permit, IERC7802 {
    function bridge() external view returns (address);
    function SUPPLY() external view returns (uint256);
    function clock() external view returns (uint48);
    function CLOCK_MODE() external view returns (string memory);
    function delegate(address to) external;
    function getVotes(address of_) external view returns (uint256);
    function getPastVotes(address of_, uint256 time) external view returns (uint256);
}

contract EraTokenTest {
    uint64 private constant HUB = 901;
    address private constant HOLDER = address(0x401de2);
    address private constant BRIDGE = address(0xb21d9e);
    address private constant STRANGER = address(0x5);

    IEraToken private era;

    function setUp() public {
        vm.warp(1_800_000_000);
        vm.chainId(HUB);
        era = _deploy(HOLDER, BRIDGE);
    }

    function test_supplyIsMintedOnTheHubOnly() public {
        vm.assertEq(era.totalSupply(), 1_000_000_000 * 10 ** 18, "hub's supply");
        vm.assertEq(era.balanceOf(HOLDER), era.totalSupply(), "holder's balance");
        vm.chainId(HUB + 1);
        vm.assertEq(_deploy(HOLDER, BRIDGE).totalSupply(), 0, "another chain's supply");
    }

    function test_deploymentNeedsBridge() public {
        vm.expectRevert(abi.encodeWithSignature("BridgeMissing()"));
        _deploy(HOLDER, address(0));
    }

    function testFuzz_onlyTheBridgeMintsAndBurns(address caller, uint256 amount) public {
        vm.assume(caller != BRIDGE);
        bytes memory refused = abi.encodeWithSignature("NotBridge(address)", caller);
        vm.prank(caller);
        vm.expectRevert(refused);
        era.crosschainMint(caller, amount);
        vm.prank(caller);
        vm.expectRevert(refused);
        era.crosschainBurn(HOLDER, amount);
    }

    function testFuzz_bridgeBurnsHereAndMintsThere(uint256 amount) public {
        amount = amount % (era.SUPPLY() + 1);
        vm.chainId(HUB + 1);
        IEraToken there = _deploy(HOLDER, BRIDGE);
        vm.startPrank(BRIDGE);
        era.crosschainBurn(HOLDER, amount);
        there.crosschainMint(STRANGER, amount);
        vm.stopPrank();
        vm.assertEq(era.totalSupply() + there.totalSupply(), era.SUPPLY(), "one supply over all chains");
        vm.assertEq(there.balanceOf(STRANGER), amount, "arrived");
    }

    function test_votesFollowBlockTimeAndTheBridge() public {
        vm.assertEq(era.clock(), block.timestamp, "clock");
        vm.assertEq(era.CLOCK_MODE(), "mode=timestamp", "clock mode");
        vm.prank(HOLDER);
        era.delegate(STRANGER);
        vm.warp(1_800_000_100);
        vm.prank(BRIDGE);
        era.crosschainBurn(HOLDER, 10);
        vm.assertEq(era.getVotes(STRANGER), era.SUPPLY() - 10, "votes after a burn");
        vm.assertEq(era.getPastVotes(STRANGER, 1_800_000_050), era.SUPPLY(), "votes before it");
    }

    function test_permit() public {
        uint256 secret = 0xa11ce;
        address owner = vm.addr(secret);
        bytes32 permit = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 content = keccak256(abi.encode(permit, owner, STRANGER, 5, era.nonces(owner), block.timestamp));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", era.DOMAIN_SEPARATOR(), content));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        era.permit(owner, STRANGER, 5, block.timestamp, v, r, s);
        vm.assertEq(era.allowance(owner, STRANGER), 5, "allowance");
        vm.assertEq(era.nonces(owner), 1, "nonce");
    }

    function test_saysThatItIsBridgeable() public view {
        vm.assertTrue(IERC165(address(era)).supportsInterface(type(IERC7802).interfaceId), "ERC-7802");
        vm.assertTrue(IERC165(address(era)).supportsInterface(type(IERC165).interfaceId), "ERC-165");
    }

    function _deploy(address holder, address bridge) private returns (IEraToken) {
        return IEraToken(vm.deployCode("EraToken.sol:EraToken", abi.encode(HUB, holder, bridge)));
    }
}
