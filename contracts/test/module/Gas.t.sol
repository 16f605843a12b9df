// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ValueHome} from "../support/ValueHome.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";

interface IVotes {
    function delegate(address to) external;
}

/// @title What moving $ERA costs
/// @dev Each call is a transaction of its own, with its base and calldata, every account and slot cold. Delivering is measured
/// without the check of signatures, which AttesterSet's figures have.
/// forge-config: default.isolate = true
contract EraBridgeGasTest is ValueHome {
    uint256 private constant LIMIT_TRANSFER = 250_000;

    function setUp() public {
        _setUpValue();
    }

    function test_Gas_transferAndDelivery() public {
        _transfer(hub, a, BOB, 1 ether);
        Sent memory first = _transfer(hub, a, BOB, 1 ether);
        Sent memory second = _measuredTransfer();
        _deliver(hub, a, first);
        _record("deliver one, first from its origin, to a new holder");
        _deliver(hub, a, second);
        _record("deliver one");
    }

    /// @dev The most that a mint takes: first of its origin, new holder, whose delegate gets its first votes.
    function test_Gas_deliveryWithVotesFitsItsGas() public {
        _on(a, BOB);
        IVotes(address(a.era)).delegate(ALICE);
        Sent memory sent = _transfer(hub, a, BOB, 1 ether);
        _on(a, address(a.gateway));
        bridgeOf[a.id].receiveMessage(0, Wire.interoperable(hub.id, sent.sender), sent.payload);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.assertLt(used, sent.gasLimit, "a mint with everything new, and a transaction's base");
        _record("mint, with everything new");
    }

    function test_Gas_reclaim() public {
        Sent memory sent = _transfer(hub, a, BOB, 1 ether);
        _judge(sent);
        vm.assertTrue(_reclaimVoid(sent), "reclaimed");
        _record("reclaimVoid, amount and fee");
    }

    function _measuredTransfer() private returns (Sent memory) {
        _allSent();
        _on(hub, ALICE);
        bridgeOf[hub.id].transfer(a.id, BOB, 1 ether);
        vm.assertLt(vm.lastCallGas().gasTotalUsed, LIMIT_TRANSFER, "transfer");
        _record("transfer");
        return _lastSent(hub, a);
    }

    function _record(string memory what) private {
        vm.snapshotValue("EraBridge", what, vm.lastCallGas().gasTotalUsed);
    }
}
