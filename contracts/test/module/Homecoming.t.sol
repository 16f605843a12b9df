// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IEraBridge} from "../../src/interfaces/IEraBridge.sol";
import {IGateway, Route, Status} from "../../src/interfaces/IGateway.sol";
import {ValueHome} from "../support/ValueHome.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";

/// @title Value that does not arrive comes home, once, in whatever order it is tried
/// @dev Tests with two words before an underscore are named after the attacks of docs/security.md.
contract HomecomingTest is ValueHome {
    uint256 private constant AMOUNT = 100 ether;
    /// @dev More than the cap: fails until the hub raises it.
    uint256 private constant TOO_MUCH = uint256(CAP) + 1;

    uint256 private rich;

    function setUp() public {
        _setUpValue();
        rich = hub.era.balanceOf(ALICE);
    }

    /// @dev Amount to `from`, fee to the payer, which are both the user; the route's new fee changes nothing.
    function test_FeeRaised_theUserGetsAmountAndFeePaid() public {
        Sent memory sent = _transfer(hub, a, BOB, AMOUNT);
        vm.assertEq(hub.era.balanceOf(ALICE), rich - AMOUNT - FEE, "gone");
        Route memory route = _freeRoute(address(a.gateway));
        route.feeBase = 10 * FEE;
        _route(hub, a, route);
        _judge(sent);
        vm.assertTrue(_reclaimVoid(sent), "reclaimed");
        vm.assertEq(hub.era.balanceOf(ALICE), rich, "amount and fee");
        vm.assertFalse(_reclaimVoid(sent), "once");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
    }

    function test_failedIsRetriedAndArrives() public {
        Sent memory sent = _failed();
        vm.assertFalse(_retry(sent), "still above the cap");
        _raiseCap();
        vm.assertTrue(_retry(sent), "retried");
        vm.assertEq(a.era.balanceOf(BOB), TOO_MUCH, "arrived");
        vm.assertFalse(_retry(sent), "once");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
    }

    /// @dev Refused after seven days: the value is home, the fee was earned.
    function test_refusedComesHomeOnce() public {
        Sent memory sent = _failed();
        (bool refused,) = _refuse(sent);
        vm.assertFalse(refused, "too early");
        _pass(7 days);
        vm.assertFalse(_reclaim(sent), "not refused yet");
        _refuseHome(sent);
        vm.assertTrue(_reclaim(sent), "reclaimed");
        vm.assertEq(hub.era.balanceOf(ALICE), rich - FEE, "all but the fee");
        vm.assertFalse(_reclaim(sent), "once");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
    }

    // ---- Each order of two ways that exclude each other: value moves once ----

    function test_ReclaimedAndDelivered_voidThenDelivered() public {
        Sent memory sent = _transfer(hub, a, BOB, AMOUNT);
        _judge(sent);
        vm.assertTrue(_reclaimVoid(sent), "reclaimed");
        uint64 count = _accept(hub, a);
        bytes memory proof = Wire.rangeProof(leavesOf[address(hub.gateway)][address(a.gateway)], sent.sequence, 1);
        _on(a, EXECUTOR);
        vm.expectRevert(IGateway.RangeNotProven.selector);
        a.gateway.deliver(hub.id, address(hub.gateway), count, sent.sequence, Wire.item(sent), proof);
        _deliver(hub, a, sent.sequence, 1, Wire.voidItem(Wire.id(sent)));
        _moved(rich, 0);
    }

    function test_ReclaimedAndDelivered_deliveredThenReclaimed() public {
        Sent memory sent = _transfer(hub, a, BOB, AMOUNT);
        _deliver(hub, a, sent);
        vm.assertFalse(_reclaim(sent), "by a refusal that there is none");
        vm.assertFalse(_reclaimVoid(sent), "by a leaf that is none");
        (bool refused,) = _refuse(sent);
        vm.assertFalse(refused, "refused");
        _moved(rich - AMOUNT - FEE, AMOUNT);
    }

    function test_ReclaimedAndDelivered_deliveredTwice() public {
        Sent memory sent = _transfer(hub, a, BOB, AMOUNT);
        _deliver(hub, a, sent);
        _deliver(hub, a, sent);
        vm.assertFalse(_retry(sent), "retried");
        _moved(rich - AMOUNT - FEE, AMOUNT);
    }

    function test_RefusedAndRetried_refusedThenRetried() public {
        Sent memory sent = _failed();
        _pass(7 days);
        _refuseHome(sent);
        _raiseCap();
        vm.assertFalse(_retry(sent), "retried");
        _deliver(hub, a, sent);
        vm.assertTrue(_reclaim(sent), "reclaimed");
        vm.assertFalse(_retry(sent), "retried after all");
        _moved(rich - FEE, 0);
    }

    function test_RefusedAndRetried_retriedThenRefused() public {
        Sent memory sent = _failed();
        _pass(7 days);
        _raiseCap();
        vm.assertTrue(_retry(sent), "retried");
        (bool refused,) = _refuse(sent);
        vm.assertFalse(refused, "refused");
        vm.assertFalse(_reclaim(sent), "reclaimed");
        _moved(rich - TOO_MUCH - FEE, TOO_MUCH);
    }

    /// @dev By its refusal, and by a void leaf that attesters can never sign beside it: even then the module gives once.
    function test_ReclaimedTwice_valueByRefusalAndByVoid() public {
        Sent memory sent = _failed();
        _pass(7 days);
        _refuseHome(sent);
        vm.assertTrue(_reclaim(sent), "by refusal");
        _judge(sent);
        vm.assertTrue(_reclaimVoid(sent), "the fee alone");
        _moved(rich, 0);
        vm.assertFalse(_reclaimVoid(sent), "nothing is left");
        vm.assertFalse(_reclaim(sent), "of either");
        _moved(rich, 0);
    }

    /// @dev Even a gateway that forgot: the bridge keeps its own book.
    function test_ReclaimedTwice_theBridgeItselfRefuses() public {
        Sent memory sent = _transfer(hub, a, BOB, AMOUNT);
        bytes32 id = Wire.id(sent);
        _on(hub, address(hub.gateway));
        bridgeOf[hub.id].onReclaim(id, a.id, sent.recipient, sent.payload);
        _on(hub, address(hub.gateway));
        vm.expectRevert(abi.encodeWithSelector(IEraBridge.AlreadyReclaimed.selector, id));
        bridgeOf[hub.id].onReclaim(id, a.id, sent.recipient, sent.payload);
    }

    /// @dev The module's row is removed while value is under way: it waits, and comes home when the row is back.
    function test_moduleRemovedAndBackAgain() public {
        Sent memory sent = _transfer(hub, a, BOB, AMOUNT);
        _setRow(a, 0);
        _deliver(hub, a, sent);
        vm.assertTrue(_statusOf(sent) == Status.Failed, "no module, no delivery");
        _pass(7 days);
        _refuseHome(sent);
        _setRow(hub, 0);
        vm.assertFalse(_reclaim(sent), "nobody to give it back");
        _setRow(hub, 1);
        vm.assertTrue(_reclaim(sent), "reclaimed");
        _moved(rich - FEE, 0);
    }

    /// @dev What ALICE has at home and BOB on the other chain, and that it is all there is.
    function _moved(uint256 home, uint256 there) private view {
        vm.assertEq(hub.era.balanceOf(ALICE), home, "at home");
        vm.assertEq(a.era.balanceOf(BOB), there, "there");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
    }

    function _failed() private returns (Sent memory sent) {
        sent = _transfer(hub, a, BOB, TOO_MUCH);
        _deliver(hub, a, sent);
        vm.assertTrue(_statusOf(sent) == Status.Failed, "failed");
    }

    function _raiseCap() private {
        _on(a, address(a.agent));
        bridgeOf[a.id].setInboundCap(hub.id, 10 * CAP, WINDOW);
    }

    function _setRow(Chain memory of_, uint32 moduleId) private {
        _allSent();
        _on(hub, GOVERNOR);
        registry.setModule(moduleId, 1, of_.id, address(bridgeOf[of_.id]));
        _deliverAll(_allSent());
    }
}
