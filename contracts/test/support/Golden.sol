// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Commitment} from "../../src/interfaces/IGateway.sol";
import {vm} from "./Vm.sol";

/// @title The golden files that Rust writes (proto/golden), and ways to spoil what stands in them
/// @dev A value is named by where its object is (".lanes[3]") and its field ("count").
library Golden {
    function file(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat(vm.envOr("METALAYER_GOLDEN", string("../proto/golden/")), name));
    }

    function at(string memory list, uint256 index) internal pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }

    function at(string memory object, string memory field) internal pure returns (string memory) {
        return string.concat(object, ".", field);
    }

    function length(string memory json, string memory list) internal view returns (uint256 count) {
        while (vm.keyExistsJson(json, at(list, count))) ++count;
    }

    function data(string memory json, string memory object, string memory field) internal pure returns (bytes memory) {
        return vm.parseJsonBytes(json, at(object, field));
    }

    function word(string memory json, string memory object, string memory field) internal pure returns (bytes32) {
        return vm.parseJsonBytes32(json, at(object, field));
    }

    function words(string memory json, string memory object, string memory field)
        internal
        pure
        returns (bytes32[] memory)
    {
        return vm.parseJsonBytes32Array(json, at(object, field));
    }

    function number(string memory json, string memory object, string memory field) internal pure returns (uint256) {
        return vm.parseJsonUint(json, at(object, field));
    }

    function account(string memory json, string memory object, string memory field) internal pure returns (address) {
        return vm.parseJsonAddress(json, at(object, field));
    }

    function commitment(string memory json, string memory object) internal pure returns (Commitment memory) {
        return Commitment({
            version: uint32(number(json, object, "version")),
            network: word(json, object, "network"),
            originChainId: uint64(number(json, object, "originChainId")),
            originGateway: account(json, object, "originGateway"),
            blockNumber: uint64(number(json, object, "blockNumber")),
            blockHash: word(json, object, "blockHash"),
            lanesRoot: word(json, object, "lanesRoot"),
            factsRoot: word(json, object, "factsRoot")
        });
    }

    /// @dev A copy with the lowest bit of one byte the other way.
    function flipped(bytes memory given, uint256 index) internal pure returns (bytes memory spoilt) {
        spoilt = bytes.concat(given);
        spoilt[index] ^= 0x01;
    }

    /// @dev A copy with the lowest bit of one word the other way.
    function flipped(bytes32[] memory given, uint256 index) internal pure returns (bytes32[] memory spoilt) {
        spoilt = resized(given, given.length);
        spoilt[index] ^= bytes32(uint256(1));
    }

    /// @dev A copy that ends early, or goes on with zeros.
    function resized(bytes32[] memory given, uint256 size) internal pure returns (bytes32[] memory changed) {
        changed = new bytes32[](size);
        for (uint256 i = 0; i < size && i < given.length; ++i) {
            changed[i] = given[i];
        }
    }

    /// @dev Words `from` to `to`, exclusive.
    function slice(bytes32[] memory given, uint256 from, uint256 to) internal pure returns (bytes32[] memory part) {
        part = new bytes32[](to - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = given[from + i];
        }
    }
}
