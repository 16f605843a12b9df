// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Route, Status} from "../../src/interfaces/IGateway.sol";
import {vm} from "../support/Vm.sol";
import {vmLogs} from "../support/Logs.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {World} from "../support/World.sol";
import {Greeter} from "./Greeter.sol";

/// @title The example that rollup teams begin with does what its page says
contract GreeterTest is World {
    Greeter private here;
    Greeter private there;

    function setUp() public {
        _setUpWorld();
        Route memory route = _freeRoute(address(b.gateway));
        route.feeBase = 1 ether;
        _route(a, b, route);
        here = new Greeter(a.gateway, a.era);
        there = new Greeter(b.gateway, b.era);
        here.pair(Wire.interoperable(b.id, address(there)));
        there.pair(Wire.interoperable(a.id, address(here)));
        _mint(a, ALICE, 1 ether);
        _on(a, ALICE);
        a.era.approve(address(here), 1 ether);
    }

    function _greet() private returns (Sent memory) {
        vmLogs.recordLogs();
        _on(a, ALICE);
        here.greet("good morning");
        return _lastSent(a, b);
    }

    function test_whatIsSaidHereIsHeardThere() public {
        Sent memory sent = _greet();
        vm.assertEq(sent.payer, ALICE, "who gets the fee back");
        vm.assertEq(a.era.balanceOf(ALICE), 0, "the fee was hers");
        _deliver(a, b, sent);
        vm.assertEq(there.heard(), "good morning", "heard");
    }

    function test_whatAStrangerSaysIsNotHeard() public {
        _openRoute(a, b);
        _deliver(a, b, _send(a, b, ALICE, address(there), abi.encode("good night")));
        vm.assertEq(there.heard(), "", "not heard");
        (Status status,) = b.gateway.statusOf(a.id, address(a.gateway), 0);
        vm.assertEq(uint256(status), uint256(Status.Failed), "failed");
    }
}
