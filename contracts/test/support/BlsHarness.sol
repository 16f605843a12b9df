// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls} from "../../src/attester/Bls.sol";
import {HashToG1} from "../../src/attester/HashToG1.sol";

/// @title The BLS library behind external functions
/// @dev Compiled with viaIR like what it wraps; tests reach it through `IBlsHarness` and `vm.deployCode`.
contract BlsHarness {
    function hashToG1(bytes calldata message, bytes calldata tag) external view returns (bytes memory) {
        return abi.encode(HashToG1.hash(message, tag));
    }

    function verify(bytes calldata signature, bytes calldata hash, bytes calldata key) external view returns (bool) {
        return Bls.verify(abi.decode(signature, (Bls.G1)), abi.decode(hash, (Bls.G1)), abi.decode(key, (Bls.G2)));
    }

    function addG1(bytes calldata a, bytes calldata b) external view returns (bytes memory) {
        return abi.encode(Bls.add(abi.decode(a, (Bls.G1)), abi.decode(b, (Bls.G1))));
    }

    function addG2(bytes calldata a, bytes calldata b) external view returns (bytes memory) {
        Bls.G2 memory sum = abi.decode(a, (Bls.G2));
        Bls.addTo(sum, abi.decode(b, (Bls.G2)));
        return abi.encode(sum);
    }

    function sumInSubgroup(bytes calldata entries, uint256 size) external view returns (bytes memory) {
        return abi.encode(Bls.sumInSubgroup(entries, size));
    }

    function negate(bytes calldata a) external pure returns (bytes memory) {
        return abi.encode(Bls.negate(abi.decode(a, (Bls.G2))));
    }

    function repack(bytes calldata packed) external pure returns (bytes memory again) {
        Bls.G2 memory point;
        Bls.unpackG2(packed, point);
        again = new bytes(Bls.PACKED_G2_SIZE);
        Bls.packG2(point, again);
    }

    function unpackG1(bytes calldata packed) external pure returns (bytes memory) {
        return abi.encode(Bls.unpackG1(packed));
    }

    function negatedGenerator() external pure returns (bytes memory) {
        return abi.encode(Bls.negatedGenerator());
    }
}
