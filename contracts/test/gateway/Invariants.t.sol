// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment, Route} from "../../src/interfaces/IGateway.sol";
import {vmLogs} from "../support/Logs.sol";
import {ReclaimModule, Recipient} from "../support/Recipients.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {World} from "../support/World.sol";

/// @title Anybody doing anything in any order, on one lane and its way back
/// @dev Calls that the gateway refuses are fine; what must hold is checked by the test below.
contract Anybody is World {
    uint96 private constant FEE = 3 ether;

    ReclaimModule public immutable module = new ReclaimModule();
    Recipient public immutable remote = new Recipient();
    Sent[] private sent;
    Sent[] private controls;
    bytes32[] private ids;
    mapping(uint256 => bool) private isVoid;
    uint256 private now_ = START;

    constructor() {
        _setUpWorld();
        Route memory route = _freeRoute(address(b.gateway));
        route.feeBase = FEE;
        _route(a, b, route);
        _module(a, a, address(module), 1);
        _module(b, a, address(module), 1);
        _module(b, b, address(remote), 1);
        _mint(a, address(module), 1e9 ether);
        _on(a, address(module));
        a.era.approve(address(a.gateway), type(uint256).max);
    }

    /// @dev A third of the messages is judged void.
    function send(bool ordered, uint8 verdict) external {
        bytes[] memory attributes = ordered ? _with(_kind(1), _ordered()) : _with(_kind(1));
        Sent memory message = _send(a, b, address(module), address(remote), abi.encode(sent.length), attributes);
        ids.push(Wire.id(message));
        if (verdict % 3 == 0) {
            isVoid[sent.length] = true;
            _judgeVoid(message);
        }
        sent.push(message);
    }

    function setMood(uint8 mood, bool broken) external {
        remote.set(mood % 2 == 0 ? Recipient.Mood.Accept : Recipient.Mood.Revert);
        module.set(broken);
    }

    function deliver(uint256 first, uint256 length) external {
        if (sent.length == 0) return;
        first %= sent.length;
        length = 1 + length % (sent.length - first);
        bytes memory items;
        for (uint256 i = first; i < first + length; ++i) {
            items = abi.encodePacked(items, isVoid[i] ? Wire.voidItem(ids[i]) : Wire.item(sent[i]));
        }
        _deliver(a, b, uint64(first), length, items);
    }

    function retry(uint256 which) external {
        if (sent.length == 0) return;
        _try(b, abi.encodeCall(b.gateway.retry, (Wire.canonical(sent[which % sent.length]))));
    }

    function refuse(uint256 which) external {
        if (sent.length == 0) return;
        now_ += 3 days;
        vm.warp(now_);
        vmLogs.recordLogs();
        if (_try(b, abi.encodeCall(b.gateway.refuse, (Wire.canonical(sent[which % sent.length]))))) {
            controls.push(_lastSent(b, a));
        }
    }

    function takeHome(uint256 which) external {
        if (controls.length != 0) _deliver(b, a, controls[which % controls.length]);
    }

    function reclaim(uint256 which) external {
        if (sent.length == 0) return;
        which %= sent.length;
        vm.chainId(a.id);
        a.gateway.snapshot(b.id, address(b.gateway));
        bytes memory path = Wire.rangeProof(ids, which, 1);
        _try(a, abi.encodeCall(a.gateway.reclaim, (Wire.canonical(sent[which]), uint64(ids.length), path)));
    }

    function reclaimVoid(uint256 which) external {
        if (sent.length == 0) return;
        which %= sent.length;
        (Commitment memory c, uint64 count, bytes32 root, bytes32[] memory laneProof) = _laneCommitment(a, b);
        bytes memory proof = _sign(a, c);
        bytes memory path = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], which, 1);
        bytes memory message = Wire.canonical(sent[which]);
        _try(a, abi.encodeCall(a.gateway.reclaimVoid, (message, c, proof, count, root, laneProof, path)));
    }

    function check() external view {
        uint256 escrow;
        for (uint256 i = 0; i < sent.length; ++i) {
            (bool value, bool fee) = a.gateway.reclaimed(ids[i]);
            uint256 given = module.givenOf(ids[i]);
            vm.assertEq(given, value ? 1 : 0, "value given back as the gateway says");
            vm.assertLe(remote.callsOf(ids[i]) + given, 1, "delivered or given back, once");
            vm.assertFalse(isVoid[i] && remote.callsOf(ids[i]) != 0, "a void is never delivered");
            vm.assertFalse(fee && !isVoid[i], "only a void returns its fee");
            if (!fee) escrow += sent[i].fee;
        }
        vm.assertEq(a.era.balanceOf(address(a.gateway)), escrow, "every fee not given back is in escrow");
        (, bytes32 root) = a.gateway.lane(b.id, address(b.gateway));
        vm.assertEq(root, Wire.laneRoot(ids), "the lane holds the ids in order");
    }

    function _try(Chain memory at, bytes memory call) private returns (bool ok) {
        vm.chainId(at.id);
        (ok,) = address(at.gateway).call(call);
    }
}

contract GatewayInvariantsTest {
    Anybody private anybody;

    function setUp() public {
        anybody = new Anybody();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(anybody);
    }

    /// @dev I3: a message is delivered at most once, reclaimed at most once, and never both.
    function invariant_valueMovesOnce() public view {
        anybody.check();
    }
}
