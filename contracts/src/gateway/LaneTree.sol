// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IGateway} from "../interfaces/IGateway.sol";

/// @title The incremental Merkle tree of a lane, and range proofs against its roots (docs/protocol.md §3)
/// @dev Depth 32, a leaf a sequence, zeros after the last. Nodes are keccak256(left ‖ right).
library LaneTree {
    uint256 internal constant DEPTH = 32;
    uint256 internal constant LEAVES_MAX = 2 ** 32 - 1;

    /// @dev Roots of the subtrees of zeros, z[0] to z[31], joined. In the code, where reading them costs a tenth of hashing them.
    bytes private constant ZEROS = hex"0000000000000000000000000000000000000000000000000000000000000000"
        hex"ad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5"
        hex"b4c11951957c6f8f642c4af61cd6b24640fec6dc7fc607ee8206a99e92410d30"
        hex"21ddb9a356815c3fac1026b6dec5df3124afbadb485c9ba5a3e3398a04b7ba85"
        hex"e58769b32a1beaf1ea27375a44095a0d1fb664ce2dd358e7fcbfb78c26a19344"
        hex"0eb01ebfc9ed27500cd4dfc979272d1f0913cc9f66540d7e8005811109e1cf2d"
        hex"887c22bd8750d34016ac3c66b5ff102dacdd73f6b014e710b51e8022af9a1968"
        hex"ffd70157e48063fc33c97a050f7f640233bf646cc98d9524c6b92bcf3ab56f83"
        hex"9867cc5f7f196b93bae1e27e6320742445d290f2263827498b54fec539f756af"
        hex"cefad4e508c098b9a7e1d8feb19955fb02ba9675585078710969d3440f5054e0"
        hex"f9dc3e7fe016e050eff260334f18a5d4fe391d82092319f5964f2e2eb7c1c3a5"
        hex"f8b13a49e282f609c317a833fb8d976d11517c571d1221a265d25af778ecf892"
        hex"3490c6ceeb450aecdc82e28293031d10c7d73bf85e57bf041a97360aa2c5d99c"
        hex"c1df82d9c4b87413eae2ef048f94b4d3554cea73d92b0f7af96e0271c691e2bb"
        hex"5c67add7c6caf302256adedf7ab114da0acfe870d449a3a489f781d659e8becc"
        hex"da7bce9f4e8618b6bd2f4132ce798cdc7a60e7e1460a7299e3c6342a579626d2"
        hex"2733e50f526ec2fa19a22b31e8ed50f23cd1fdf94c9154ed3a7609a2f1ff981f"
        hex"e1d3b5c807b281e4683cc6d6315cf95b9ade8641defcb32372f1c126e398ef7a"
        hex"5a2dce0a8a7f68bb74560f8f71837c2c2ebbcbf7fffb42ae1896f13f7c7479a0"
        hex"b46a28b6f55540f89444f63de0378e3d121be09e06cc9ded1c20e65876d36aa0"
        hex"c65e9645644786b620e2dd2ad648ddfcbf4a7e5b1a3a4ecfe7f64667a3f0b7e2"
        hex"f4418588ed35a2458cffeb39b93d26f18d2ab13bdce6aee58e7b99359ec2dfd9"
        hex"5a9c16dc00d6ef18b7933a6f8dc65ccb55667138776f7dea101070dc8796e377"
        hex"4df84f40ae0c8229d0d6069e5c8f39a7c299677a09d367fc7b05e3bc380ee652"
        hex"cdc72595f74c7b1043d0e1ffbab734648c838dfb0527d971b602bc216c9619ef"
        hex"0abf5ac974a1ed57f4050aa510dd9c74f508277b39d7973bb2dfccc5eeb0618d"
        hex"b8cd74046ff337f0a7bf2c8e03e10f642c1886798d71806ab1e888d9e5ee87d0"
        hex"838c5655cb21c6cb83313b5a631175dff4963772cce9108188b34ac87c81c41e"
        hex"662ee4dd2dd7b2bc707961b1e646c4047669dcb6584f0d8d770daf5d7e7deb2e"
        hex"388ab20e2573d171a88108e79d820e98f26c0b84aa8b2f4aa4968dbb818ea322"
        hex"93237c50ba75ee485f4c22adf2f741400bdf8d6a9cc7df7ecae576221665d735"
        hex"8448818bb4ae4562849e949e17ac16e0be16688e156b5cf15e098c627c0056a9";

    /// @dev `branch[i]` is the root of the full subtree of height i that ends where the lower bits of `count` begin: for
    /// each set bit of `count` the frontier, for the others left over.
    struct Tree {
        uint64 count;
        bytes32[32] branch;
    }

    /// @return sequence The number of the leaf.
    function append(Tree storage tree, bytes32 leaf) internal returns (uint64 sequence) {
        sequence = tree.count;
        if (sequence == LEAVES_MAX) revert IGateway.LaneFull();
        tree.count = sequence + 1;
        uint256 height;
        bytes32 node = leaf;
        for (; (sequence >> height) & 1 == 1; ++height) {
            node = Hashes.efficientKeccak256(tree.branch[height], node);
        }
        tree.branch[height] = node;
    }

    /// @dev The root over all leaves so far; z[32] if there are none.
    function root(Tree storage tree) internal view returns (bytes32 node) {
        uint256 count = tree.count;
        bytes32 zero;
        for (uint256 height = 0; height < DEPTH; ++height) {
            node = (count >> height) & 1 == 1
                ? Hashes.efficientKeccak256(tree.branch[height], node)
                : Hashes.efficientKeccak256(node, zero);
            zero = Hashes.efficientKeccak256(zero, zero);
        }
    }

    /// @dev The root that `leaves` have from `first` on in a tree of `count` leaves, with `proof` (hashes joined) around
    /// them. Every hash of the proof is taken exactly once, else it reverts. The leaves are left as they are.
    function rangeRoot(bytes32[] memory leaves, uint256 first, uint256 count, bytes calldata proof)
        internal
        pure
        returns (bytes32 node)
    {
        uint256 end = first + leaves.length;
        if (leaves.length == 0 || end > count || count > LEAVES_MAX) {
            revert IGateway.RangeOutOfBounds(first, leaves.length, count);
        }
        bytes memory zeros = ZEROS;
        uint256 taken;
        // One block, so that the levels can lie in memory that nobody has to allocate.
        assembly ("memory-safe") {
            let zero := add(zeros, 0x20)
            let source := add(leaves, 0x20)
            let target := mload(0x40)
            let next := proof.offset
            let height := 0
            // Level by level until one node is left. A level is written over the one below it, from its beginning, and
            // never overtakes what is still to be read.
            for {} gt(sub(end, first), 1) { height := add(height, 1) } {
                let output := target
                let nodes := sub(end, first)
                if and(first, 1) {
                    mstore(0x00, calldataload(next))
                    next := add(next, 0x20)
                    mstore(0x20, mload(source))
                    mstore(output, keccak256(0x00, 0x40))
                    source := add(source, 0x20)
                    output := add(output, 0x20)
                    nodes := sub(nodes, 1)
                }
                for { let pairsEnd := add(source, shl(6, shr(1, nodes))) } lt(source, pairsEnd) {} {
                    mstore(output, keccak256(source, 0x40))
                    source := add(source, 0x40)
                    output := add(output, 0x20)
                }
                if and(nodes, 1) {
                    mstore(0x00, mload(source))
                    switch lt(shl(height, end), count)
                    case 0 { mstore(0x20, mload(add(zero, shl(5, height)))) }
                    default {
                        mstore(0x20, calldataload(next))
                        next := add(next, 0x20)
                    }
                    mstore(output, keccak256(0x00, 0x40))
                }
                source := target
                first := shr(1, first)
                end := shr(1, add(end, 1))
            }
            // The node's path, as long as anything but zeros is beside it.
            node := mload(source)
            for {} lt(shl(height, 1), count) { height := add(height, 1) } {
                let right := and(first, 1)
                mstore(shl(5, right), node)
                switch or(right, lt(shl(height, add(first, 1)), count))
                case 0 { mstore(0x20, mload(add(zero, shl(5, height)))) }
                default {
                    mstore(shl(5, iszero(right)), calldataload(next))
                    next := add(next, 0x20)
                }
                node := keccak256(0x00, 0x40)
                first := shr(1, first)
            }
            // From here on the node is the leftmost, with zeros to its right: it is written in front of each of them, over
            // the one below, which nobody needs any more. Four levels a turn: the loop costs half as much as the hashing.
            let last := add(zero, 0x3e0)
            zero := add(zeros, shl(5, height))
            for {} lt(add(zero, 0x60), last) { zero := add(zero, 0x80) } {
                mstore(zero, node)
                mstore(add(zero, 0x20), keccak256(zero, 0x40))
                mstore(add(zero, 0x40), keccak256(add(zero, 0x20), 0x40))
                mstore(add(zero, 0x60), keccak256(add(zero, 0x40), 0x40))
                node := keccak256(add(zero, 0x60), 0x40)
            }
            for {} lt(zero, last) { zero := add(zero, 0x20) } {
                mstore(zero, node)
                node := keccak256(zero, 0x40)
            }
            taken := sub(next, proof.offset)
        }
        if (taken != proof.length) revert IGateway.RangeProofLength();
    }

    /// @dev The root that one leaf has, with its path.
    function pathRoot(bytes32 leaf, uint256 sequence, uint256 count, bytes calldata path)
        internal
        pure
        returns (bytes32)
    {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leaf;
        return rangeRoot(leaves, sequence, count, path);
    }
}
