// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Curve, IBlsHarness} from "../support/Curve.sol";
import {vm} from "../support/Vm.sol";

/// @title The BLS library against vectors from outside and against the precompiles
contract BlsTest {
    bytes private constant VECTOR_TAG = "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";

    IBlsHarness private bls;

    function setUp() public {
        bls = IBlsHarness(vm.deployCode("BlsHarness.sol:BlsHarness", ""));
    }

    /// @dev RFC 9380 §J.9.1, all five.
    function test_hashToG1_rfc9380() public view {
        _checkVector(
            "",
            hex"052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1"
            hex"08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265"
        );
        _checkVector(
            "abc",
            hex"03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903"
            hex"0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d"
        );
        _checkVector(
            "abcdef0123456789",
            hex"11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98"
            hex"03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d486d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709"
        );
        _checkVector(
            bytes.concat("q128_", _repeat("q", 128)),
            hex"15f68eaa693b95ccb85215dc65fa81038d69629f70aeee0d0f677cf22285e7bf58d7cb86eefe8f2e9bc3f8cb84fac488"
            hex"1807a1d50c29f430b8cafc4f8638dfeeadf51211e1602a5f184443076715f91bb90a48ba1e370edce6ae1062f5e6dd38"
        );
        _checkVector(
            bytes.concat("a512_", _repeat("a", 512)),
            hex"082aabae8b7dedb0e78aeb619ad3bfd9277a2f77ba7fad20ef6aabdc6c31d19ba5a6d12283553294c1825c4b3ca2dcfe"
            hex"05b84ae5a942248eea39e1d91030458c40153f3b654ab7872d779ad1e942856a20c438e8d99bc8abfbf74729ce1f7ac8"
        );
    }

    /// @dev The tag separates uses: the same message under another tag is another point.
    function testFuzz_hashToG1_tagsSeparate(bytes calldata message) public view {
        bytes memory one = bls.hashToG1(message, "one");
        bytes memory other = bls.hashToG1(message, "other");
        vm.assertTrue(keccak256(one) != keccak256(other), "tags do not separate");
    }

    /// @dev Whatever is hashed lands in the subgroup: multiplying by the order gives infinity.
    function testFuzz_hashToG1_inSubgroup(bytes calldata message, bytes32 tag) public view {
        bytes memory point = bls.hashToG1(message, bytes.concat(tag));
        vm.assertEq(Curve.mulG1(point, Curve.ORDER), new bytes(128), "outside the subgroup");
    }

    function test_hashToG1_longTagRefused() public {
        bls.hashToG1("", new bytes(255));
        vm.expectRevert(abi.encodeWithSignature("TagTooLong()"));
        bls.hashToG1("", new bytes(256));
    }

    function testFuzz_verify_onlyTheKeysOwnSignature(uint256 secret, bytes32 message, uint256 wrong) public view {
        secret = 1 + secret % (Curve.ORDER - 1);
        wrong = wrong % Curve.ORDER;
        bytes memory hash = bls.hashToG1(bytes.concat(message), VECTOR_TAG);
        bytes memory key = Curve.key(secret);
        vm.assertTrue(bls.verify(Curve.mulG1(hash, secret), hash, key), "right signature refused");
        bool accepted = bls.verify(Curve.mulG1(hash, wrong), hash, key);
        vm.assertTrue(accepted == (wrong == secret), "wrong signature accepted");
    }

    function test_verify_pointsOutsideSubgroupRevert() public {
        bytes memory hash = bls.hashToG1("message", VECTOR_TAG);
        vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(0x0f)));
        bls.verify(Curve.OUTSIDE_G1, hash, Curve.GENERATOR);
        vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(0x0f)));
        bls.verify(hash, hash, Curve.OUTSIDE_G2);
    }

    function testFuzz_sums(uint256 a, uint256 b) public view {
        (a, b) = (a % Curve.ORDER, b % Curve.ORDER);
        uint256 sum = addmod(a, b, Curve.ORDER);
        bytes memory hash = bls.hashToG1("message", VECTOR_TAG);
        vm.assertEq(bls.addG1(Curve.mulG1(hash, a), Curve.mulG1(hash, b)), Curve.mulG1(hash, sum), "G1");
        vm.assertEq(bls.addG2(Curve.key(a), Curve.key(b)), Curve.key(sum), "G2");
    }

    function testFuzz_sumInSubgroup(uint256 seed, uint8 count, uint8 padding) public view {
        uint256 members = 1 + count % 40;
        bytes memory entries;
        uint256 sum;
        for (uint256 i = 0; i < members; ++i) {
            uint256 secret = uint256(keccak256(abi.encode(seed, i))) % Curve.ORDER;
            entries = bytes.concat(entries, Curve.pack(Curve.key(secret)), new bytes(padding));
            sum = addmod(sum, secret, Curve.ORDER);
        }
        vm.assertEq(bls.sumInSubgroup(entries, 192 + uint256(padding)), Curve.key(sum), "sum");
    }

    function test_sumInSubgroup_refusesWhatAddingAccepts() public {
        bytes memory inside = Curve.key(5);
        vm.assertTrue(bls.addG2(inside, Curve.OUTSIDE_G2).length == 256, "G2ADD checks no subgroup");
        bytes memory entries = bytes.concat(Curve.pack(inside), Curve.pack(Curve.OUTSIDE_G2));
        vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(0x0e)));
        bls.sumInSubgroup(entries, 192);
    }

    function testFuzz_negate(uint256 secret) public view {
        secret = secret % Curve.ORDER;
        vm.assertEq(bls.negate(Curve.key(secret)), Curve.negate(Curve.key(secret)), "negated");
        vm.assertEq(bls.addG2(bls.negate(Curve.key(secret)), Curve.key(secret)), new bytes(256), "a - a");
    }

    function test_negate_outsideSubgroupAndInfinity() public view {
        vm.assertEq(bls.addG2(bls.negate(Curve.OUTSIDE_G2), Curve.OUTSIDE_G2), new bytes(256), "a - a");
        vm.assertEq(bls.negate(new bytes(256)), new bytes(256), "infinity");
    }

    function test_negatedGenerator() public view {
        vm.assertEq(bls.negatedGenerator(), Curve.negate(Curve.GENERATOR), "generator");
    }

    function testFuzz_packing(uint256 secret) public view {
        bytes memory key = Curve.pack(Curve.key(secret % Curve.ORDER));
        vm.assertEq(bls.repack(key), key, "G2");
        bytes memory point = Curve.mulG1(bls.hashToG1("message", VECTOR_TAG), secret);
        vm.assertEq(bls.unpackG1(Curve.pack(point)), point, "G1");
    }

    function _checkVector(bytes memory message, bytes memory wanted) private view {
        vm.assertEq(Curve.pack(bls.hashToG1(message, VECTOR_TAG)), wanted, string(message));
    }

    function _repeat(bytes1 letter, uint256 times) private pure returns (bytes memory text) {
        text = new bytes(times);
        for (uint256 i = 0; i < times; ++i) {
            text[i] = letter;
        }
    }
}
