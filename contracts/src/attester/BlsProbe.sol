// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Bls} from "./Bls.sol";
import {Precompiles} from "./Precompiles.sol";
import {HashToG1} from "./HashToG1.sol";

/// @title Whether this chain can check a signature
/// @notice Each precompile that is used gets something to compute whose result is known.
library BlsProbe {
    /// @notice The precompile answers, and wrongly.
    error PrecompileWrong(address precompile);

    /// @notice Reverts with the first precompile that is missing or wrong.
    function run() internal view {
        Bls.G1 memory hash = _probeHash();
        _probeSums();
        _probePairing(hash);
        _probeSubgroupCheck();
    }

    /// @dev The first vector of RFC 9380 §J.9.1, through MODEXP, MAP_FP_TO_G1 and G1ADD.
    function _probeHash() private view returns (Bls.G1 memory hash) {
        hash = HashToG1.hash("", "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_");
        Bls.G1 memory wanted = Bls.G1({
            xHigh: 0x052926add2207b76ca4fa57a8734416c,
            xLow: 0x8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1,
            yHigh: 0x08ba738453bfed09cb546dbb0783dbb3,
            yLow: 0xa5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265
        });
        if (!_equal(abi.encode(hash), abi.encode(wanted))) revert PrecompileWrong(Precompiles.MAP_FP_TO_G1);
    }

    /// @dev g + g by addition and by multiplication, and back to g.
    function _probeSums() private view {
        Bls.G2 memory negated = Bls.negatedGenerator();
        Bls.G2 memory generator = Bls.negate(negated);
        bytes memory terms = abi.encode(generator, uint256(1), generator, uint256(1));
        bytes memory doubled = _multiply(terms);

        Bls.G2 memory sum = Bls.negate(negated);
        Bls.addTo(sum, generator);
        if (!_equal(abi.encode(sum), doubled)) revert PrecompileWrong(Precompiles.G2_MSM);
        Bls.addTo(sum, negated);
        if (!_equal(abi.encode(sum), abi.encode(generator))) revert PrecompileWrong(Precompiles.G2_ADD);
    }

    /// @dev The secret 1 signs: the signature is the hash. The doubled signature is none.
    function _probePairing(Bls.G1 memory hash) private view {
        Bls.G2 memory generator = Bls.negate(Bls.negatedGenerator());
        bool right = Bls.verify(hash, hash, generator);
        bool wrong = Bls.verify(Bls.add(hash, hash), hash, generator);
        if (!right || wrong) revert PrecompileWrong(Precompiles.PAIRING);
    }

    /// @dev A point of the curve, x = 2, that is not in the subgroup must be refused.
    function _probeSubgroupCheck() private view {
        Bls.G2 memory outside;
        outside.x0Low = 2;
        outside.y0High = 0x013a59858b6809fca4d9a3b6539246a7;
        outside.y0Low = 0x0051a3c88899964a42bc9a69cf9acdd9dd387cfa9086b894185b9a46a402be73;
        outside.y1High = 0x02d27e0ec3356299a346a09ad7dc4ef6;
        outside.y1Low = 0x8a483c3aed53f9139d2f929a3eecebf72082e5e58c6da24ee32e03040c406d4f;
        bytes memory term = abi.encode(outside, uint256(1));
        (bool accepted,) = Precompiles.G2_MSM.staticcall{gas: Precompiles.G2_MSM_GAS}(term);
        if (accepted) revert PrecompileWrong(Precompiles.G2_MSM);
    }

    function _multiply(bytes memory terms) private view returns (bytes memory product) {
        product = new bytes(256);
        uint256 input;
        uint256 output;
        assembly ("memory-safe") {
            input := add(terms, 32)
            output := add(product, 32)
        }
        Precompiles.invoke(Precompiles.G2_MSM, 2 * Precompiles.G2_MSM_GAS, input, terms.length, output, 256);
    }

    function _equal(bytes memory a, bytes memory b) private pure returns (bool) {
        return keccak256(a) == keccak256(b);
    }
}
