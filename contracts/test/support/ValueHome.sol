// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment, Status} from "../../src/interfaces/IGateway.sol";
import {vmLogs} from "./Logs.sol";
import {vm} from "./Vm.sol";
import {ValueWorld} from "./ValueWorld.sol";
import {Sent, Wire} from "./Wire.sol";

/// @title How value comes home, and what became of it
/// @dev Everything is tried by a low-level call, so that a test can also say what must fail.
abstract contract ValueHome is ValueWorld {
    /// @dev The id behind a leaf that was judged void: the gateway's own tree keeps ids.
    mapping(bytes32 leaf => bytes32 id) private _voided;
    uint256 internal now_ = START;

    function _judge(Sent memory sent) internal {
        _voided[Wire.voidLeaf(Wire.id(sent))] = Wire.id(sent);
        _judgeVoid(sent);
    }

    /// @dev block.timestamp is not read: the compiler takes it for constant within a test.
    function _pass(uint256 time) internal {
        now_ += time;
        vm.warp(now_);
    }

    function _retry(Sent memory sent) internal returns (bool) {
        return _try(sent.destinationChainId, abi.encodeCall(hub.gateway.retry, (Wire.canonical(sent))));
    }

    function _refuse(Sent memory sent) internal returns (bool refused, Sent memory refusal) {
        vmLogs.recordLogs();
        refused = _try(sent.destinationChainId, abi.encodeCall(hub.gateway.refuse, (Wire.canonical(sent))));
        if (refused) refusal = _lastSent(_chain(sent.destinationChainId), _chain(sent.originChainId));
    }

    /// @dev Refused, and the refusal is home.
    function _refuseHome(Sent memory sent) internal {
        (bool refused, Sent memory refusal) = _refuse(sent);
        vm.assertTrue(refused, "refused");
        _deliver(_chain(sent.destinationChainId), _chain(sent.originChainId), refusal);
    }

    function _reclaim(Sent memory sent) internal returns (bool) {
        Chain memory home = _chain(sent.originChainId);
        bytes32[] memory ids = leavesOf[sent.originGateway][sent.destinationGateway];
        for (uint256 i = 0; i < ids.length; ++i) {
            if (_voided[ids[i]] != 0) ids[i] = _voided[ids[i]];
        }
        vm.chainId(home.id);
        home.gateway.snapshot(sent.destinationChainId, sent.destinationGateway);
        bytes memory path = Wire.rangeProof(ids, sent.sequence, 1);
        return _try(home.id, abi.encodeCall(home.gateway.reclaim, (Wire.canonical(sent), uint64(ids.length), path)));
    }

    function _reclaimVoid(Sent memory sent) internal returns (bool) {
        Chain memory home = _chain(sent.originChainId);
        (Commitment memory c, uint64 count, bytes32 root, bytes32[] memory laneProof) =
            _laneCommitment(home, _chain(sent.destinationChainId));
        bytes memory path = Wire.rangeProof(leavesOf[sent.originGateway][sent.destinationGateway], sent.sequence, 1);
        bytes memory proof = _sign(home, c);
        bytes memory message = Wire.canonical(sent);
        return
            _try(home.id, abi.encodeCall(home.gateway.reclaimVoid, (message, c, proof, count, root, laneProof, path)));
    }

    function _statusOf(Sent memory sent) internal view returns (Status status) {
        (status,) =
            _chain(sent.destinationChainId).gateway.statusOf(sent.originChainId, sent.originGateway, sent.sequence);
    }

    function _try(uint64 chainId, bytes memory call) internal returns (bool ok) {
        vm.chainId(chainId);
        (ok,) = address(_chain(chainId).gateway).call(call);
    }
}
