// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Curve, IBlsHarness} from "./Curve.sol";
import {Member, Table, Tables} from "./Tables.sol";
import {ValueWorld} from "./ValueWorld.sol";
import {vm} from "./Vm.sol";

/// @title Operators with keys whose secrets are known, at the hub's registry
abstract contract Attesters is ValueWorld {
    bytes internal constant POSSESSION_DST = "BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

    IBlsHarness internal bls;

    function _setUpAttesters() internal {
        bls = IBlsHarness(vm.deployCode("BlsHarness.sol:BlsHarness", ""));
    }

    function _operator(uint256 i) internal pure returns (address) {
        return address(uint160(0x09e7a70400000000 + i));
    }

    function _transport(uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode("transport", i));
    }

    function _secret(uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("secret", i))) % Curve.ORDER;
    }

    /// @dev What docs/protocol.md §7 says that is to be signed.
    function _possessionMessage(bytes32 network, address operator, bytes memory key) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256("metalayer/possession"), uint8(1), network, operator, key));
    }

    function _possession(uint256 secret, address operator, bytes memory key) internal view returns (bytes memory) {
        return _signed(secret, _possessionMessage(_network(), operator, key), POSSESSION_DST);
    }

    function _signed(uint256 secret, bytes32 message, bytes memory tag) internal view returns (bytes memory) {
        return Curve.pack(Curve.mulG1(bls.hashToG1(abi.encode(message), tag), secret));
    }

    /// @dev Registers the i-th operator with its own keys.
    function _enrol(uint256 i) internal returns (bytes memory key) {
        key = Curve.pack(Curve.key(_secret(i)));
        bytes memory possession = _possession(_secret(i), _operator(i), key);
        _on(hub, _operator(i));
        registry.registerAttester(key, possession, _transport(i));
    }

    function _stake(uint256 i, uint96 stake) internal {
        _on(hub, STAKER);
        registry.setStake(_operator(i), stake);
    }

    /// @dev Registers operators with these stakes, and makes the table of the next epoch.
    function _staff(uint96[] memory amounts) internal returns (Table memory) {
        Member[] memory members = new Member[](amounts.length);
        for (uint256 i = 0; i < amounts.length; ++i) {
            members[i] = Member({secret: _secret(i), stake: amounts[i], key: _enrol(i)});
            _stake(i, amounts[i]);
        }
        return Tables.build(2, members);
    }

    function _equal(uint256 count) internal pure returns (uint96[] memory amounts) {
        amounts = new uint96[](count);
        for (uint256 i = 0; i < count; ++i) {
            amounts[i] = 10;
        }
    }

    function _close(Table memory table) internal {
        vm.chainId(hub.id);
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            registry.closeEpoch(table.header, i, table.chunks[i]);
        }
    }
}
