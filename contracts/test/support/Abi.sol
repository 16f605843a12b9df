// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {vm} from "./Vm.sol";

/// @title What a contract's ABI says
library Abi {
    /// @dev The functions that change state, in the ABI's order, which is that of their names.
    function mutators(string memory artifact) internal view returns (string[] memory names) {
        string memory json = vm.readFile(artifact);
        names = new string[](64);
        uint256 count;
        for (uint256 i = 0; vm.keyExistsJson(json, _entry(i, "type")); ++i) {
            if (!_equal(vm.parseJsonString(json, _entry(i, "type")), "function")) continue;
            string memory mutability = vm.parseJsonString(json, _entry(i, "stateMutability"));
            if (_equal(mutability, "view") || _equal(mutability, "pure")) continue;
            names[count++] = vm.parseJsonString(json, _entry(i, "name"));
        }
        assembly ("memory-safe") {
            mstore(names, count)
        }
    }

    function _entry(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".abi[", vm.toString(index), "].", field);
    }

    function _equal(string memory one, string memory other) private pure returns (bool) {
        return keccak256(bytes(one)) == keccak256(bytes(other));
    }
}
