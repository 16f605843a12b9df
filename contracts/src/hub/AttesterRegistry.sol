// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls} from "../attester/Bls.sol";
import {HashToG1} from "../attester/HashToG1.sol";
import {Attester} from "../interfaces/IHub.sol";
import {HubBase} from "./HubBase.sol";

/// @title Who may attest, with which keys and what weight
abstract contract AttesterRegistry is HubBase {
    /// @dev A tag of its own: no signature over a commitment is a proof of possession, and none the other way.
    bytes private constant POSSESSION_DST = "BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    bytes32 private constant POSSESSION_TAG = keccak256("metalayer/possession");
    bytes32 private constant ATTESTER_TAG = keccak256("metalayer/attester");
    uint8 private constant VERSION = 1;
    /// @dev A key's x coordinate; its negative has the same.
    uint256 internal constant X_SIZE = 96;

    mapping(address operator => Attester) private _attesters;
    /// @dev By attester id, for the table's check: one slot a member.
    mapping(bytes32 id => uint96) internal _stakeOf;
    mapping(bytes32 keyHash => bool) private _taken;

    uint32 internal _members;
    uint128 internal _totalStake;
    /// @dev Counts changes of the set of attesters with stake: a table checked at another count is stale.
    uint64 internal _revision;

    function registerAttester(bytes calldata key, bytes calldata possession, bytes32 transportKey) external override {
        bool wellFormed =
            key.length == Bls.PACKED_G2_SIZE && possession.length == Bls.PACKED_G1_SIZE && transportKey != 0;
        if (!wellFormed) revert KeyMalformed();
        Attester storage attester = _attesters[msg.sender];
        if (attester.id != 0) revert OperatorTaken(msg.sender);
        _take(keccak256(key[:X_SIZE]));
        _take(keccak256(abi.encode(transportKey)));
        _requirePossession(key, possession);

        (attester.id, attester.transportKey) = (_attesterId(key), transportKey);
        emit AttesterRegistered(msg.sender, attester.id, key, transportKey);
    }

    function setStake(address operator, uint96 stake) external override onlyRole(STAKER_ROLE) {
        Attester storage attester = _attesters[operator];
        if (attester.id == 0) revert NotAttester(operator);
        uint96 before = attester.stake;
        if (before != 0) --_members;
        if (stake != 0) ++_members;
        _totalStake = _totalStake - before + stake;
        ++_revision;
        attester.stake = stake;
        _stakeOf[attester.id] = stake;
        emit StakeSet(operator, stake);
    }

    function attesterOf(address operator) external view override returns (Attester memory) {
        return _attesters[operator];
    }

    function stakes() external view override returns (uint256 members, uint256 total) {
        return (_members, _totalStake);
    }

    function _attesterId(bytes calldata key) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(ATTESTER_TAG, VERSION, key));
    }

    function _take(bytes32 keyHash) private {
        if (_taken[keyHash]) revert KeyTaken();
        _taken[keyHash] = true;
    }

    /// @dev The pairing also refuses a key or proof that is not on the curve, not in the subgroup or not below the modulus.
    function _requirePossession(bytes calldata key, bytes calldata possession) private view {
        Bls.G2 memory point;
        Bls.unpackG2(key, point);
        Bls.G1 memory proof = Bls.unpackG1(possession);
        if (Bls.isInfinity(point) || Bls.isInfinity(proof)) revert PointAtInfinity();
        bytes32 message = keccak256(abi.encodePacked(POSSESSION_TAG, VERSION, network, msg.sender, key));
        Bls.G1 memory hash = HashToG1.hash(bytes.concat(message), POSSESSION_DST);
        if (!Bls.verify(proof, hash, point)) revert PossessionNotProven();
    }
}
