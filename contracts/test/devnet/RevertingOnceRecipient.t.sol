// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Status} from "../../src/interfaces/IGateway.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {World} from "../support/World.sol";

interface IRevertingOnceRecipient {
    function relent() external;
}

/// @title The development networks' recipient whose messages fail first and are retried
contract RevertingOnceRecipientTest is World {
    function test_failsUntilItRelents() public {
        _setUpWorld();
        _openRoute(a, b);
        address recipient = vm.deployCode("RevertingOnceRecipient.sol:RevertingOnceRecipient", "");
        Sent memory sent = _send(a, b, ALICE, recipient, "x");
        _deliver(a, b, sent);
        _is(sent, Status.Failed);
        vm.expectRevert();
        b.gateway.retry(Wire.canonical(sent));
        IRevertingOnceRecipient(recipient).relent();
        b.gateway.retry(Wire.canonical(sent));
        _is(sent, Status.Settled);
        sent = _send(a, b, ALICE, recipient, "y");
        _deliver(a, b, sent);
        _is(sent, Status.Settled);
    }

    function _is(Sent memory sent, Status expected) private view {
        (Status status,) = b.gateway.statusOf(sent.originChainId, sent.originGateway, sent.sequence);
        vm.assertTrue(status == expected, "status");
    }
}
