// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {Curve, IBlsHarness} from "./Curve.sol";
import {Member, Table, Tables} from "./Tables.sol";
import {vm} from "./Vm.sol";

/// @title An AttesterSet with tables whose secrets are known
abstract contract AttesterSetFixture {
    bytes32 internal constant NETWORK = keccak256("a network");
    uint64 internal constant HUB_CHAIN = 901;
    address internal constant HUB_GATEWAY = address(0x6a7e);
    address internal constant HUB_AGENT = address(0xa6e7);
    address internal constant COUNCIL = address(0xc0);
    uint64 internal constant START = 1_800_000_000;
    uint64 internal constant FIRST_EPOCH = 7;
    bytes internal constant SIGNATURE_TAG = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    bytes32 internal constant DIGEST = keccak256("a commitment");

    IBlsHarness internal bls;

    function _setUpBls() internal {
        bls = IBlsHarness(vm.deployCode("BlsHarness.sol:BlsHarness", ""));
        vm.warp(START);
    }

    function _deploy(Table memory table) internal returns (IAttesterSet) {
        return _deploy(table, COUNCIL);
    }

    function _deploy(Table memory table, address council) internal returns (IAttesterSet) {
        return this.deploy(_arguments(table, council));
    }

    /// @dev External, because a test ends silently where `vm.deployCode` reverts as expected in its own frame.
    function deploy(bytes calldata arguments) external returns (IAttesterSet) {
        return IAttesterSet(vm.deployCode("AttesterSet.sol:AttesterSet", arguments));
    }

    function _arguments(Table memory table, address council) internal pure returns (bytes memory) {
        IAttesterSet.FirstEpoch memory first = IAttesterSet.FirstEpoch(table.epoch, table.hash, START, START + 40 days);
        return abi.encode(NETWORK, HUB_CHAIN, HUB_GATEWAY, HUB_AGENT, council, first);
    }

    function _deployLoaded(Table memory table) internal returns (IAttesterSet set) {
        set = _deploy(table);
        _load(set, table);
    }

    function _load(IAttesterSet set, Table memory table) internal {
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            set.loadChunk(table.header, i, table.chunks[i]);
        }
    }

    /// @dev `count` members of stake 10 each.
    function _equalTable(uint64 epoch, uint256 count) internal view returns (Table memory) {
        uint96[] memory stakes = new uint96[](count);
        for (uint256 i = 0; i < count; ++i) {
            stakes[i] = 10;
        }
        return _table(epoch, stakes);
    }

    /// @dev Members with these stakes; in the table they stand in another order, that of their keys.
    function _table(uint64 epoch, uint96[] memory stakes) internal view returns (Table memory) {
        Member[] memory members = new Member[](stakes.length);
        for (uint256 i = 0; i < stakes.length; ++i) {
            uint256 secret = uint256(keccak256(abi.encode("secret", epoch, i))) % Curve.ORDER;
            members[i] = Tables.member(secret, stakes[i]);
        }
        return Tables.build(epoch, members);
    }

    function _all(Table memory table) internal pure returns (bytes memory bitmap) {
        bitmap = _none(table);
        for (uint256 i = 0; i < table.members.length; ++i) {
            _add(bitmap, i);
        }
    }

    function _none(Table memory table) internal pure returns (bytes memory) {
        return new bytes((table.members.length + 7) / 8);
    }

    /// @dev The first members of the table, `count` of them.
    function _first(Table memory table, uint256 count) internal pure returns (bytes memory bitmap) {
        bitmap = _none(table);
        for (uint256 i = 0; i < count; ++i) {
            _add(bitmap, i);
        }
    }

    /// @dev All but about `percent` of the members, who follow from `seed`.
    function _someAbsent(Table memory table, uint256 percent, uint256 seed)
        internal
        pure
        returns (bytes memory bitmap)
    {
        bitmap = _none(table);
        for (uint256 i = 0; i < table.members.length; ++i) {
            if (uint256(keccak256(abi.encode(seed, i))) % 100 >= percent) _add(bitmap, i);
        }
    }

    function _add(bytes memory bitmap, uint256 i) internal pure {
        bitmap[i / 8] |= bytes1(uint8(1)) << (7 - i % 8);
    }

    function _contains(bytes memory bitmap, uint256 i) internal pure returns (bool) {
        return uint8(bitmap[i / 8] >> (7 - i % 8)) & 1 != 0;
    }

    /// @dev Where a bitmap's sum is remembered.
    function _sumAddress(IAttesterSet set, uint64 epoch, bytes memory bitmap) internal pure returns (address) {
        bytes32 salt = keccak256(abi.encodePacked(epoch, bitmap));
        bytes32 initCode = keccak256(hex"635910d7355f525f5f6004601c335afa60d160405f3e60d15ff3");
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", set, salt, initCode));
        return address(uint160(uint256(hash)));
    }

    /// @dev What the members in `bitmap` sign together: the hash times the sum of their secrets.
    function _sign(Table memory table, bytes memory bitmap, bytes32 digest) internal view returns (bytes memory) {
        uint256 secret;
        for (uint256 i = 0; i < table.members.length; ++i) {
            if (_contains(bitmap, i)) secret = addmod(secret, table.members[i].secret, Curve.ORDER);
        }
        return Curve.pack(Curve.mulG1(bls.hashToG1(abi.encode(digest), SIGNATURE_TAG), secret));
    }

    function _proof(Table memory table, bytes memory bitmap, bytes32 digest) internal view returns (bytes memory) {
        return abi.encodePacked(table.epoch, _sign(table, bitmap, digest), bitmap);
    }

    function _stake(Table memory table, bytes memory bitmap) internal pure returns (uint256 stake) {
        for (uint256 i = 0; i < table.members.length; ++i) {
            if (_contains(bitmap, i)) stake += table.members[i].stake;
        }
    }
}
