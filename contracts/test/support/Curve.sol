// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @dev The BLS library as tests see it; points in EIP-2537's encoding unless called packed.
interface IBlsHarness {
    function hashToG1(bytes calldata message, bytes calldata tag) external view returns (bytes memory);
    function verify(bytes calldata signature, bytes calldata hash, bytes calldata key) external view returns (bool);
    function addG1(bytes calldata a, bytes calldata b) external view returns (bytes memory);
    function addG2(bytes calldata a, bytes calldata b) external view returns (bytes memory);
    function sumInSubgroup(bytes calldata entries, uint256 size) external view returns (bytes memory);
    function negate(bytes calldata a) external pure returns (bytes memory);
    function repack(bytes calldata packed) external pure returns (bytes memory);
    function unpackG1(bytes calldata packed) external pure returns (bytes memory);
    function negatedGenerator() external pure returns (bytes memory);
}

/// @title The curve from the outside: keys and signatures made by the precompiles alone
/// @dev Shares no code with src/, so that a mistake there is not repeated here.
library Curve {
    /// @dev The order of both groups.
    uint256 internal constant ORDER = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    bytes internal constant GENERATOR = hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    /// @dev On the curve with x = 2, outside the subgroup.
    bytes internal constant OUTSIDE_G2 = hex"00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000002"
        hex"00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        hex"00000000000000000000000000000000013a59858b6809fca4d9a3b6539246a70051a3c88899964a42bc9a69cf9acdd9dd387cfa9086b894185b9a46a402be73"
        hex"0000000000000000000000000000000002d27e0ec3356299a346a09ad7dc4ef68a483c3aed53f9139d2f929a3eecebf72082e5e58c6da24ee32e03040c406d4f";

    /// @dev (0, 2): on the curve, of order 3.
    bytes internal constant OUTSIDE_G1 = hex"00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        hex"00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000002";

    /// @dev The public key of a secret.
    function key(uint256 secret) internal view returns (bytes memory) {
        return mulG2(GENERATOR, secret);
    }

    function mulG1(bytes memory point, uint256 scalar) internal view returns (bytes memory) {
        return _call(address(0x0c), abi.encodePacked(point, scalar));
    }

    function mulG2(bytes memory point, uint256 scalar) internal view returns (bytes memory) {
        return _call(address(0x0e), abi.encodePacked(point, scalar));
    }

    function addG1(bytes memory a, bytes memory b) internal view returns (bytes memory) {
        return _call(address(0x0b), bytes.concat(a, b));
    }

    function addG2(bytes memory a, bytes memory b) internal view returns (bytes memory) {
        return _call(address(0x0d), bytes.concat(a, b));
    }

    /// @dev -a: multiplied by the order less one; only for points of the subgroup.
    function negate(bytes memory a) internal view returns (bytes memory) {
        return mulG2(a, ORDER - 1);
    }

    /// @dev 64 bytes a coordinate to 48.
    function pack(bytes memory point) internal pure returns (bytes memory packed) {
        uint256 coordinates = point.length / 64;
        packed = new bytes(48 * coordinates);
        for (uint256 i = 0; i < coordinates; ++i) {
            assembly ("memory-safe") {
                mcopy(add(add(packed, 32), mul(48, i)), add(add(point, 48), mul(64, i)), 48)
            }
        }
    }

    function _call(address precompile, bytes memory input) private view returns (bytes memory output) {
        bool ok;
        (ok, output) = precompile.staticcall(input);
        require(ok && output.length != 0, "precompile");
    }
}
