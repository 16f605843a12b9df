// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Golden} from "../support/Golden.sol";
import {Table} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title table.json and quorum.json: tables as they are loaded, and proofs under them
/// @dev A stake of the table is not read by itself: each is in the sums of signers, which are compared.
contract GoldenQuorumTest is AttesterSetFixture {
    string private tables;
    string private quorums;
    bytes32 private digest;
    /// @dev Why each proof that was spoilt by hand is refused.
    mapping(string name => bytes4) private refusal;

    function setUp() public {
        vm.warp(START);
        tables = Golden.file("table.json");
        quorums = Golden.file("quorum.json");
        digest = vm.parseJsonBytes32(quorums, ".digest");
        bytes4 precompileFailed = bytes4(keccak256("PrecompileFailed(address)"));
        refusal["another epoch"] = IAttesterSet.EpochUnknown.selector;
        refusal["signature negated"] = IAttesterSet.SignatureInvalid.selector;
        refusal["signature outside the subgroup"] = precompileFailed;
        refusal["signature off the curve"] = precompileFailed;
        refusal["signature at infinity"] = IAttesterSet.PointAtInfinity.selector;
        refusal["first signer left out of the bitmap"] = IAttesterSet.SignatureInvalid.selector;
        refusal["empty bitmap"] = IAttesterSet.QuorumNotReached.selector;
        refusal["padding bit set"] = IAttesterSet.ProofMalformed.selector;
        refusal["bitmap a byte longer"] = IAttesterSet.ProofMalformed.selector;
        refusal["bitmap a byte shorter"] = IAttesterSet.ProofMalformed.selector;
        refusal["nothing after the signature"] = IAttesterSet.ProofMalformed.selector;
        refusal["nothing at all"] = IAttesterSet.ProofMalformed.selector;
    }

    function test_smallTable() public {
        _assertLoads(".small");
    }

    function test_largeTable() public {
        _assertLoads(".large");
    }

    function test_alteredTablesAreRefused() public {
        Table memory table = _golden(".large");
        IAttesterSet set = _deploy(table);
        vm.expectRevert(IAttesterSet.HeaderInvalid.selector);
        set.loadChunk(Golden.flipped(table.header, table.header.length - 1), 0, table.chunks[0]);
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAttesterSet.ChunkInvalid.selector, i));
            set.loadChunk(table.header, i, Golden.flipped(table.chunks[i], 203));
            set.loadChunk(table.header, i, table.chunks[i]);
        }
    }

    function test_smallQuorums() public {
        _assertQuorums(".small");
    }

    function test_largeQuorums() public {
        _assertQuorums(".large");
    }

    /// @dev Before any proof was taken, and once the sums of signers are remembered.
    function test_spoiltProofs() public {
        _assertSpoilt(".small");
        _assertSpoilt(".large");
    }

    function test_anotherDigestIsRefused() public {
        IAttesterSet set = _deployLoaded(_golden(".small"));
        bytes memory proof = vm.parseJsonBytes(quorums, ".small.proofs[0]");
        vm.expectRevert(IAttesterSet.SignatureInvalid.selector);
        set.verify(digest ^ bytes32(uint256(1)), proof);
    }

    function _assertLoads(string memory size) private {
        Table memory table = _golden(size);
        IAttesterSet set = _deployLoaded(table);
        IAttesterSet.Epoch memory epoch = set.epoch(table.epoch);
        vm.assertEq(epoch.tableHash, keccak256(table.header), "table hash");
        vm.assertEq(epoch.members, Golden.number(tables, size, "members"), "members");
        vm.assertEq(epoch.totalStake, Golden.number(tables, size, "total"), "total stake");
        vm.assertEq(epoch.chunks, table.chunks.length, "chunks");
        bytes memory everybody = _bitmap(vm.parseJsonBytes(quorums, Golden.at(size, "proofs[0]")));
        bytes memory key = Golden.data(tables, size, "aggregateKey");
        _assertRemembers(set, table.epoch, everybody, key, epoch.totalStake);
    }

    function _assertQuorums(string memory size) private {
        Table memory table = _golden(size);
        IAttesterSet set = _deployLoaded(table);
        uint256 total = Golden.number(tables, size, "total");
        uint256 cases = Golden.length(quorums, Golden.at(size, "proofs"));
        vm.assertEq(cases, 5, "proofs");
        for (uint256 i = 0; i < cases; ++i) {
            bytes memory proof = vm.parseJsonBytes(quorums, _of(size, "proofs", i));
            uint256 signed = vm.parseJsonUint(quorums, _of(size, "signed", i));
            if (vm.parseJsonBool(quorums, _of(size, "holds", i))) {
                set.verify(digest, proof);
                bytes memory key = vm.parseJsonBytes(quorums, _of(size, "aggregateKeys", i));
                _assertRemembers(set, table.epoch, _bitmap(proof), key, signed);
            } else {
                vm.expectRevert(abi.encodeWithSelector(IAttesterSet.QuorumNotReached.selector, signed, total));
                set.verify(digest, proof);
            }
        }
    }

    function _assertSpoilt(string memory size) private {
        IAttesterSet set = _deployLoaded(_golden(size));
        uint256 cases = Golden.length(quorums, Golden.at(size, "spoiltProofs"));
        vm.assertEq(cases, 12, "spoilt proofs");
        for (uint256 round = 0; round < 2; ++round) {
            for (uint256 i = 0; i < cases; ++i) {
                string memory name = vm.parseJsonString(quorums, _of(size, "spoiltNames", i));
                bytes memory proof = vm.parseJsonBytes(quorums, _of(size, "spoiltProofs", i));
                (bool ok, bytes memory answer) = address(set).call(abi.encodeCall(set.verify, (digest, proof)));
                vm.assertFalse(ok, name);
                vm.assertEq(bytes32(bytes4(answer)), bytes32(refusal[name]), name);
            }
            set.verify(digest, vm.parseJsonBytes(quorums, _of(size, "proofs", 1)));
        }
    }

    /// @dev What the set keeps of a proof that held: the sum of the signers' keys and of their stakes.
    function _assertRemembers(IAttesterSet set, uint64 epoch, bytes memory bitmap, bytes memory key, uint256 stake)
        private
        view
    {
        bytes memory sum = abi.encodePacked(hex"00", key, uint128(stake));
        vm.assertEq(_sumAddress(set, epoch, bitmap).code, sum, "sum");
    }

    /// @dev A table as the file has it: its members and their secrets are not needed.
    function _golden(string memory size) private view returns (Table memory table) {
        table.epoch = uint64(Golden.number(tables, size, "epoch"));
        table.header = Golden.data(tables, size, "header");
        table.hash = Golden.word(tables, size, "tableHash");
        string memory chunks = Golden.at(size, "chunks");
        table.chunks = new bytes[](Golden.length(tables, chunks));
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            table.chunks[i] = vm.parseJsonBytes(tables, Golden.at(chunks, i));
        }
    }

    /// @dev What follows epoch and signature.
    function _bitmap(bytes memory proof) private pure returns (bytes memory bitmap) {
        bitmap = new bytes(proof.length - 104);
        for (uint256 i = 0; i < bitmap.length; ++i) {
            bitmap[i] = proof[104 + i];
        }
    }

    function _of(string memory size, string memory list, uint256 index) private pure returns (string memory) {
        return Golden.at(Golden.at(size, list), index);
    }
}
