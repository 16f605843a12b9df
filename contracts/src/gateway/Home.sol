// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Commitment, Direction, Module} from "../interfaces/IGateway.sol";
import {IModule} from "../interfaces/IModule.sol";
import {Attested} from "./Attested.sol";
import {Facts} from "./Facts.sol";
import {GatewayId, toGatewayId} from "./GatewayId.sol";
import {Kinds} from "./Kinds.sol";
import {LaneTree} from "./LaneTree.sol";
import {Message, Messages} from "./Messages.sol";
import {ModuleTable} from "./ModuleTable.sol";
import {Outbox} from "./Outbox.sol";

/// @title What comes back to the gateway a message left from: refusals, value, fees
abstract contract Home is Outbox, ModuleTable, Attested {
    /// @dev What was heard of a sequence that its destination settled without a proof.
    enum Unproven {
        Unheard,
        Refused,
        Overruled
    }

    /// @dev What came back from one destination.
    struct Returns {
        mapping(bytes32 id => bool) refused;
        mapping(uint64 sequence => Unproven) unproven;
        mapping(address executor => uint256) feesPaid;
    }

    /// @dev Each part of a message goes back at most once, whatever the cause, and stands when the other fails.
    struct Reclaim {
        bool value;
        bool fee;
    }

    mapping(GatewayId destination => Returns) private _returns;
    mapping(bytes32 id => Reclaim) private _reclaims;

    function reclaim(bytes calldata message, uint64 count, bytes calldata path)
        external
        override
        nonReentrant
        whenOpen(Direction.Inbound)
    {
        (Message memory sent, bytes calldata payload) = _ownMessage(message);
        bytes32 id = keccak256(message);
        if (!_returned(sent.destinationChainId, sent.destinationGateway).refused[id]) revert NotRefused(id);
        // The refusal is another chain's word. Only this gateway's own tree shows that the message was ever sent.
        bytes32 root = snapshotAt(sent.destinationChainId, sent.destinationGateway, count);
        if (root == 0 || LaneTree.pathRoot(id, sent.sequence, count, path) != root) revert LeafNotProven();

        if (!_giveBackValue(id, sent, payload)) revert NothingReclaimed(id);
        emit Reclaimed(id, true, false);
    }

    function reclaimVoid(
        bytes calldata message,
        Commitment calldata commitment,
        bytes calldata proof,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata laneProof,
        bytes calldata path
    ) external override nonReentrant whenOpen(Direction.Inbound) {
        (Message memory sent, bytes calldata payload) = _ownMessage(message);
        if (!(toGatewayId(commitment.originChainId, commitment.originGateway) == _self())) {
            revert WrongOrigin(commitment.originChainId, commitment.originGateway);
        }
        _requireQuorum(commitment, proof);
        _requireLane(commitment, sent.destinationChainId, sent.destinationGateway, count, laneRoot, laneProof);
        bytes32 id = keccak256(message);
        bytes32 root = LaneTree.pathRoot(Messages.voidLeaf(id), sent.sequence, count, path);
        if (root != laneRoot) revert LeafNotProven();

        bool value = _giveBackValue(id, sent, payload);
        bool fee = _giveBackFee(id, sent);
        if (!value && !fee) revert NothingReclaimed(id);
        emit Reclaimed(id, value, fee);
    }

    function claimFees(
        Commitment calldata commitment,
        bytes calldata proof,
        address executor,
        uint256 total,
        bytes32[] calldata factProof
    ) external override nonReentrant whenOpen(Direction.Inbound) {
        _requireQuorum(commitment, proof);
        bytes32 key = Facts.feesKey(_self(), executor);
        if (!Facts.proves(commitment.factsRoot, key, keccak256(abi.encode(total)), factProof)) revert FactNotProven();

        Returns storage from = _returned(commitment.originChainId, commitment.originGateway);
        uint256 paid = from.feesPaid[executor];
        uint256 amount = Math.min(Math.saturatingSub(total, paid), IERC20(_era).balanceOf(address(this)));
        if (amount == 0) revert NothingToClaim();
        from.feesPaid[executor] = paid + amount;
        SafeERC20.safeTransfer(IERC20(_era), executor, amount);
        emit FeesClaimed(commitment.originChainId, commitment.originGateway, executor, amount);
    }

    function overrule(uint64 destinationChainId, address destinationGateway, uint64 sequence)
        external
        override
        only(_hubAgent)
    {
        Returns storage from = _returned(destinationChainId, destinationGateway);
        if (from.unproven[sequence] != Unproven.Refused) revert NotOverrulable(sequence);
        from.unproven[sequence] = Unproven.Overruled;
        emit Overruled(destinationChainId, destinationGateway, sequence);
    }

    function reclaimed(bytes32 id) external view override returns (bool value, bool fee) {
        Reclaim storage state = _reclaims[id];
        return (state.value, state.fee);
    }

    function feesPaid(uint64 destinationChainId, address destinationGateway, address executor)
        external
        view
        override
        returns (uint256)
    {
        return _returned(destinationChainId, destinationGateway).feesPaid[executor];
    }

    /// @dev Takes a refusal: `abi.encode(uint64 sequence, bytes32 id)` from the gateway that a lane from here leads to.
    /// @return failure Zero, or why it was not taken.
    function _takeRefusal(Message memory message, bytes calldata payload) internal returns (bytes32 failure) {
        bool fits =
            message.sender == message.originGateway && message.recipient == address(this) && payload.length == 64;
        if (!fits) return ControlInvalid.selector;
        uint256 sequence = uint256(bytes32(payload[:32]));
        bytes32 id = bytes32(payload[32:]);
        if (sequence >= _lane(message.originChainId, message.originGateway).tree.count) return ControlInvalid.selector;

        Returns storage from = _returned(message.originChainId, message.originGateway);
        uint64 number = uint64(sequence);
        if (id != 0) from.refused[id] = true;
        else if (from.unproven[number] == Unproven.Unheard) from.unproven[number] = Unproven.Refused;
        emit Refused(id, message.originChainId, message.originGateway, number);
    }

    function _ownMessage(bytes calldata message) private view returns (Message memory sent, bytes calldata payload) {
        (sent, payload) = Messages.decode(message);
        if (!(toGatewayId(sent.originChainId, sent.originGateway) == _self())) revert NotThisGateway();
    }

    function _returned(uint64 destinationChainId, address destinationGateway) private view returns (Returns storage) {
        return _returns[toGatewayId(destinationChainId, destinationGateway)];
    }

    /// @dev Through the sender, if it is a module of the message's kind: it locked or burnt the value and knows whose it is.
    /// @return given Whether the module took it back now.
    function _giveBackValue(bytes32 id, Message memory sent, bytes calldata payload) private returns (bool given) {
        Module storage module = _module(_chainId(), sent.sender);
        if (_reclaims[id].value || module.moduleId == 0 || module.kind != sent.kind) return false;
        bytes memory call = abi.encodeCall(IModule.onReclaim, (id, sent.destinationChainId, sent.recipient, payload));
        _reclaims[id].value = true;
        bytes32 answer;
        (given, answer,) = LowLevelCall.callReturn64Bytes(sent.sender, call);
        given = given && LowLevelCall.returnDataSize() >= 32 && answer == IModule.onReclaim.selector;
        if (!given) _reclaims[id].value = false;
    }

    /// @dev Exactly what was charged, to the payer; whatever the route costs by now.
    function _giveBackFee(bytes32 id, Message memory sent) private returns (bool given) {
        if (_reclaims[id].fee || sent.fee == 0) return false;
        _reclaims[id].fee = true;
        given = SafeERC20.trySafeTransfer(IERC20(_era), sent.payer, sent.fee);
        if (!given) _reclaims[id].fee = false;
    }
}
