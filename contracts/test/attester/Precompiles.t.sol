// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {Curve} from "../support/Curve.sol";
import {Table} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title Chains that cannot check a signature are refused at deployment
/// @dev Tests are named after the attacks of docs/security.md.
contract PrecompilesTest is AttesterSetFixture {
    function setUp() public {
        _setUpBls();
    }

    function test_PrecompileMissing_deploymentRefusedBeforePrague() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        _deploy(table);
        vm.setEvmVersion("cancun");
        vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(0x10)));
        _deploy(table);
    }

    /// @dev A call to an empty address succeeds and returns nothing.
    function test_PrecompileMissing_eachAloneIsNoticed() public {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        uint160[7] memory used = [uint160(0x02), 0x05, 0x0b, 0x0d, 0x0e, 0x0f, 0x10];
        for (uint256 i = 0; i < used.length; ++i) {
            vm.mockCall(address(used[i]), "", "");
            vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(used[i])));
            _deploy(table);
            vm.clearMockedCalls();
        }
        _deploy(table);
    }

    /// @dev Results of the right size and of no worth.
    function test_PrecompileMissing_wrongAnswersAreNoticed() public {
        _expectWrong(0x10, abi.encodePacked(Curve.OUTSIDE_G1));
        _expectWrong(0x0e, Curve.GENERATOR);
        _expectWrong(0x0f, abi.encode(1));
        _expectWrong(0x0f, abi.encode(0));
    }

    function test_PrecompileMissing_subgroupCheckIsNoticed() public {
        vm.mockCall(address(0x0e), abi.encodePacked(Curve.OUTSIDE_G2, uint256(1)), Curve.OUTSIDE_G2);
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        vm.expectRevert(abi.encodeWithSignature("PrecompileWrong(address)", address(0x0e)));
        _deploy(table);
    }

    function _expectWrong(uint160 precompile, bytes memory answer) private {
        Table memory table = _equalTable(FIRST_EPOCH, 5);
        vm.mockCall(address(precompile), "", answer);
        vm.expectRevert(abi.encodeWithSignature("PrecompileWrong(address)", address(precompile)));
        _deploy(table);
        vm.clearMockedCalls();
    }
}
