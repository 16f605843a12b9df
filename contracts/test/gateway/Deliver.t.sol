// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Act} from "../../src/interfaces/IHubAgent.sol";
import {Commitment, IGateway, Status} from "../../src/interfaces/IGateway.sol";
import {Log, Logs, vmLogs} from "../support/Logs.sol";
import {Recipient, Reenterer} from "../support/Recipients.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {World} from "../support/World.sol";

/// @title Delivering: ranges, order, failures, and what becomes of them
/// @dev Tests with two words before an underscore are named after the attacks of docs/security.md.
contract DeliverTest is World {
    using Logs for Log[];

    Recipient private recipient;
    Recipient private other;

    function setUp() public {
        _setUpWorld();
        _openRoute(a, b);
        recipient = new Recipient();
        other = new Recipient();
    }

    function testFuzz_recipientIsCalledAsErc7786Says(bytes memory payload) public {
        vm.assume(payload.length <= 32_768);
        bytes[] memory enough = _with(abi.encodeWithSignature("gasLimit(uint256)", 9_000_000));
        Sent memory sent = _send(a, b, ALICE, address(recipient), payload, enough);
        vmLogs.recordLogs();
        _deliver(a, b, sent);
        Log[] memory logs = vmLogs.getRecordedLogs();
        vm.assertEq(recipient.lastId(), Wire.id(sent), "id");
        vm.assertEq(recipient.lastSender(), Wire.interoperable(a.id, ALICE), "sender");
        vm.assertEq(recipient.lastPayload(), payload, "payload");
        vm.assertEq(recipient.lastCaller(), address(b.gateway), "caller");
        Log memory delivered = logs.last(IGateway.MessageDelivered.selector);
        vm.assertEq(delivered.topics[1], Wire.id(sent), "logged id");
        vm.assertEq(delivered.data, abi.encode(a.id, a.gateway, sent.sequence), "logged place");
        Log memory range = logs.last(IGateway.RangeDelivered.selector);
        vm.assertEq(range.data, abi.encode(sent.sequence, 1, EXECUTOR), "range");
    }

    function testFuzz_anyRangeOverABucketsEdge(uint8 before, uint8 skip, uint8 length) public {
        uint256 first = uint256(before % 4) + 252;
        for (uint256 i = 0; i < 262; ++i) {
            leavesOf[address(a.gateway)][address(b.gateway)].push(keccak256(abi.encode(i)));
        }
        length = 1 + length % 6;
        bytes memory items;
        for (uint256 i = 0; i < length; ++i) {
            Sent memory sent = _handMade(uint64(first + i));
            leavesOf[address(a.gateway)][address(b.gateway)][first + i] = Wire.id(sent);
            items = abi.encodePacked(items, i == skip % 6 ? Wire.bareItem(Wire.id(sent)) : Wire.item(sent));
        }
        _deliver(a, b, uint64(first), length, items);
        for (uint256 i = 0; i < 262; ++i) {
            bool delivered = i >= first && i < first + length && i - first != skip % 6;
            vm.assertTrue(_status(uint64(i)) == (delivered ? Status.Settled : Status.Open), "status");
        }
        uint256 calls = recipient.calls();
        _deliver(a, b, uint64(first), length, items);
        vm.assertEq(recipient.calls(), calls, "once");
    }

    function test_deliveredBeforeIsSkipped() public {
        bytes memory items = abi.encodePacked(
            Wire.item(_send(a, b, ALICE, address(recipient), "0")),
            Wire.item(_send(a, b, ALICE, address(recipient), "1"))
        );
        _deliver(a, b, 0, 2, items);
        vmLogs.recordLogs();
        _deliver(a, b, 0, 2, items);
        vm.assertEq(vmLogs.getRecordedLogs().count(IGateway.RangeDelivered.selector), 0, "nothing executed");
        vm.assertEq(recipient.calls(), 2, "once each");
    }

    function test_bareLeafIsLeftForAnotherTime() public {
        Sent memory first = _send(a, b, ALICE, address(recipient), "0");
        Sent memory second = _send(a, b, ALICE, address(recipient), "1");
        vmLogs.recordLogs();
        _deliver(a, b, 0, 2, abi.encodePacked(Wire.bareItem(Wire.id(first)), Wire.item(second)));
        Log memory range = vmLogs.getRecordedLogs().last(IGateway.RangeDelivered.selector);
        vm.assertEq(range.data, abi.encode(0, 2, EXECUTOR), "bitmap");
        vm.assertTrue(_status(0) == Status.Open, "open");
        _deliver(a, b, first);
        vm.assertEq(recipient.calls(), 2, "both");
    }

    function test_voidIsSettledAndNeverDelivered() public {
        Sent memory sent = _send(a, b, ALICE, address(recipient), "0");
        _judgeVoid(sent);
        vmLogs.recordLogs();
        _deliver(a, b, 0, 1, Wire.voidItem(Wire.id(sent)));
        Log[] memory logs = vmLogs.getRecordedLogs();
        vm.assertEq(logs.last(IGateway.MessageVoided.selector).topics[1], Wire.id(sent), "voided");
        vm.assertEq(logs.count(IGateway.RangeDelivered.selector), 0, "not executed");
        vm.assertTrue(_status(0) == Status.Settled, "settled");
        uint64 count = _accept(a, b);
        bytes memory proof = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], 0, 1);
        vm.expectRevert(IGateway.RangeNotProven.selector);
        b.gateway.deliver(a.id, address(a.gateway), count, 0, Wire.item(sent), proof);
    }

    /// @dev Accepting a newer root cannot spoil a delivery that is under way: `acceptAndDeliver` needs no root to be kept.
    function test_olderRootServesItsTransaction() public {
        Sent memory first = _send(a, b, ALICE, address(recipient), "0");
        (Commitment memory old, uint64 count, bytes32 root, bytes32[] memory laneProof) = _laneCommitment(a, b);
        bytes memory rangeProof = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], 0, 1);
        bytes memory proof = _sign(b, old);
        Sent memory second = _send(a, b, ALICE, address(recipient), "1");
        _deliver(a, b, second);
        b.gateway.accept(old, proof, count, root, laneProof);
        vm.assertFalse(b.gateway.isAccepted(a.id, address(a.gateway), count, root), "not kept");

        vm.expectRevert(abi.encodeWithSelector(IGateway.RootUnknown.selector, a.id, a.gateway, count));
        b.gateway.deliver(a.id, address(a.gateway), count, 0, Wire.item(first), rangeProof);
        b.gateway.acceptAndDeliver(old, proof, laneProof, count, 0, Wire.item(first), rangeProof);
        vm.assertEq(recipient.calls(), 2, "delivered");
        (,, root,) = _laneCommitment(a, b);
        vm.assertTrue(b.gateway.isAccepted(a.id, address(a.gateway), 2, root), "the newer one is still kept");
    }

    /// @dev What `acceptAndDeliver` delivers is attested: no other range, origin or signature does.
    function test_acceptAndDeliverTakesOnlyWhatIsAttested() public {
        Sent memory sent = _send(a, b, ALICE, address(recipient), "0");
        (Commitment memory commitment, uint64 count, bytes32 root, bytes32[] memory laneProof) = _laneCommitment(a, b);
        bytes memory proof = _sign(b, commitment);
        bytes memory range = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], 0, 1);
        bytes memory item = Wire.item(sent);

        vm.chainId(b.id);
        bytes memory forged = Wire.item(sent);
        forged[forged.length - 1] ^= 0x01;
        vm.expectRevert(IGateway.LaneNotProven.selector);
        b.gateway.acceptAndDeliver(commitment, proof, laneProof, count, 0, forged, range);
        vm.expectRevert();
        b.gateway.acceptAndDeliver(commitment, proof, laneProof, count + 1, 0, item, range);
        commitment.blockNumber += 1;
        vm.expectRevert();
        b.gateway.acceptAndDeliver(commitment, proof, laneProof, count, 0, item, range);
        commitment.blockNumber -= 1;
        vm.assertEq(recipient.calls(), 0, "nothing was delivered");

        b.gateway.acceptAndDeliver(commitment, proof, laneProof, count, 0, item, range);
        vm.assertEq(recipient.calls(), 1, "delivered");
        vm.assertTrue(b.gateway.isAccepted(a.id, address(a.gateway), count, root), "and its root is kept");
        b.gateway.acceptAndDeliver(commitment, proof, laneProof, count, 0, item, range);
        vm.assertEq(recipient.calls(), 1, "once");
    }

    /// @dev Of each 256 counts the newest root is kept, whatever is accepted later.
    function test_newestRootOfEachBucketIsKept() public {
        bytes32[] storage leaves = leavesOf[address(a.gateway)][address(b.gateway)];
        bytes32[3] memory roots;
        uint16[3] memory counts = [254, 255, 510];
        for (uint256 i = 0; i < 3; ++i) {
            while (leaves.length < counts[i]) leaves.push(keccak256(abi.encode(leaves.length)));
            roots[i] = Wire.laneRoot(leaves);
            _accept(a, b);
        }
        vm.assertFalse(b.gateway.isAccepted(a.id, address(a.gateway), counts[0], roots[0]), "overtaken");
        vm.assertTrue(b.gateway.isAccepted(a.id, address(a.gateway), counts[1], roots[1]), "last of its bucket");
        vm.assertTrue(b.gateway.isAccepted(a.id, address(a.gateway), counts[2], roots[2]), "next bucket");
        vm.assertFalse(b.gateway.isAccepted(a.id, address(a.gateway), counts[2], roots[1]), "another's root");
    }

    // ---- Order ----

    function test_orderedWaitsForItsPredecessor() public {
        Sent memory first = _send(a, b, ALICE, address(recipient), "0", _with(_ordered()));
        Sent memory second = _send(a, b, ALICE, address(recipient), "1", _with(_ordered()));
        Sent memory free = _send(a, b, ALICE, address(recipient), "2");
        vmLogs.recordLogs();
        _deliver(a, b, 1, 2, abi.encodePacked(Wire.item(second), Wire.item(free)));
        Log memory range = vmLogs.getRecordedLogs().last(IGateway.RangeDelivered.selector);
        vm.assertEq(range.data, abi.encode(1, 2, EXECUTOR), "only the free one");
        vm.assertTrue(_status(1) == Status.Open, "waits");
        _deliver(a, b, first);
        _deliver(a, b, second);
        vm.assertEq(recipient.calls(), 3, "all");
        vm.assertEq(recipient.lastPayload(), "1", "the second last");
    }

    /// @dev A chain in one range whose head fails: each waits for the one before it, at once.
    function test_orderedRangeStopsAtAFailure() public {
        bytes memory items;
        for (uint256 i = 0; i < 4; ++i) {
            items = abi.encodePacked(items, Wire.item(_send(a, b, ALICE, address(recipient), "x", _with(_ordered()))));
        }
        recipient.set(Recipient.Mood.Revert);
        vmLogs.recordLogs();
        _deliver(a, b, 0, 4, items);
        vm.assertEq(
            vmLogs.getRecordedLogs().last(IGateway.RangeDelivered.selector).data, abi.encode(0, 1, EXECUTOR), "head"
        );
        vm.assertTrue(_status(0) == Status.Failed, "failed");
        for (uint64 i = 1; i < 4; ++i) {
            vm.assertTrue(_status(i) == Status.Open, "open");
        }
        recipient.set(Recipient.Mood.Accept);
        _deliver(a, b, 0, 4, items);
        vm.assertEq(recipient.calls(), 0, "a failed one is not settled");
    }

    function test_orderedRangeRunsInOneGo() public {
        bytes memory items;
        for (uint256 i = 0; i < 4; ++i) {
            items = abi.encodePacked(items, Wire.item(_send(a, b, ALICE, address(recipient), "x", _with(_ordered()))));
        }
        _deliver(a, b, 0, 4, items);
        vm.assertEq(recipient.calls(), 4, "all");
    }

    function test_orderedGoesOnAfterVoidRetryAndRefusal() public {
        Sent[] memory sent = new Sent[](4);
        for (uint256 i = 0; i < 4; ++i) {
            sent[i] = _send(a, b, ALICE, address(recipient), "x", _with(_ordered()));
        }
        _judgeVoid(sent[0]);
        _deliver(a, b, 0, 1, Wire.voidItem(Wire.id(sent[0])));
        recipient.set(Recipient.Mood.Revert);
        _deliver(a, b, sent[1]);
        recipient.set(Recipient.Mood.Accept);
        b.gateway.retry(Wire.canonical(sent[1]));
        recipient.set(Recipient.Mood.Revert);
        _deliver(a, b, sent[2]);
        vm.warp(START + 7 days);
        b.gateway.refuse(Wire.canonical(sent[2]));
        recipient.set(Recipient.Mood.Accept);
        _deliver(a, b, sent[3]);
        vm.assertEq(recipient.calls(), 2, "the retried and the last");
    }

    // ---- Failure ----

    /// @dev Recipient reverts, eats gas, returns a bomb, or answers wrongly: only its message fails.
    function test_RecipientMisbehaves_onlyThatMessageFails() public {
        for (uint8 mood = 1; mood <= uint8(type(Recipient.Mood).max); ++mood) {
            recipient.set(Recipient.Mood(mood));
            Sent memory bad = _send(a, b, ALICE, address(recipient), "bad");
            Sent memory good = _send(a, b, ALICE, address(other), "good");
            bytes memory items = abi.encodePacked(Wire.item(bad), Wire.item(good));
            uint256 before = gasleft();
            _deliver(a, b, bad.sequence, 2, items);
            vm.assertLt(before - gasleft(), 1_500_000, "no more than the message's own gas is lost");
            vm.assertTrue(_status(bad.sequence) == Status.Failed, "failed");
            vm.assertTrue(_status(good.sequence) == Status.Settled, "delivered");
            vm.assertEq(other.lastId(), Wire.id(good), "called");
            recipient.set(Recipient.Mood.Accept);
            b.gateway.retry(Wire.canonical(bad));
            vm.assertTrue(_status(bad.sequence) == Status.Settled, "retried");
        }
    }

    function test_RecipientMisbehaves_reasonIsTheFirstWord() public {
        recipient.set(Recipient.Mood.Revert);
        Sent memory sent = _send(a, b, ALICE, address(recipient), "");
        vm.assertEq(_failReason(sent), bytes32(Recipient.NotInTheMood.selector), "its error");
        vm.assertEq(_failReason(_send(a, b, ALICE, address(0xdead), "")), 0, "no code, no answer");
    }

    /// @dev It re-enters: nothing that could deliver, and sending works.
    function test_RecipientMisbehaves_reentry() public {
        _openRoute(b, a);
        Reenterer reenterer = new Reenterer(b.gateway);
        Sent memory sent =
            _send(a, b, ALICE, address(reenterer), "", _with(abi.encodeWithSignature("gasLimit(uint256)", 900_000)));
        bytes memory proof = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], 0, 1);
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(b.gateway.deliver, (a.id, address(a.gateway), 1, 0, Wire.item(sent), proof));
        calls[1] = abi.encodeCall(b.gateway.retry, (Wire.canonical(sent)));
        calls[2] = abi.encodeCall(b.gateway.refuse, (Wire.canonical(sent)));
        calls[3] = abi.encodeCall(b.gateway.reclaim, (Wire.canonical(sent), 1, ""));
        uint256 state = vm.snapshotState();
        for (uint256 i = 0; i < calls.length; ++i) {
            reenterer.set(calls[i]);
            _deliver(a, b, sent);
            vm.assertFalse(reenterer.reached(), "reached");
            vm.assertEq(
                bytes32(reenterer.refusal()), bytes32(bytes4(keccak256("ReentrancyGuardReentrantCall()"))), "guard"
            );
            vm.revertToState(state);
        }
        reenterer.set(abi.encodeCall(b.gateway.sendMessage, (Wire.interoperable(a.id, ALICE), "back", new bytes[](0))));
        _deliver(a, b, sent);
        vm.assertTrue(reenterer.reached(), "may send");
    }

    /// @dev The executor cannot starve a recipient: with too little gas the whole transaction reverts.
    function testFuzz_recipientGetsItsGasOrNothingHappens(uint256 gas) public {
        Sent memory sent = _send(a, b, ALICE, address(recipient), "");
        uint64 count = _accept(a, b);
        bytes memory proof = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], 0, 1);
        gas = 50_000 + gas % 400_000;
        bytes memory call =
            abi.encodeCall(b.gateway.deliver, (a.id, address(a.gateway), count, 0, Wire.item(sent), proof));
        (bool ok,) = address(b.gateway).call{gas: gas}(call);
        if (ok) {
            vm.assertTrue(_status(0) == Status.Settled, "delivered");
            vm.assertGt(recipient.lastGas(), GAS - 1_000, "all its gas");
        } else {
            vm.assertTrue(_status(0) == Status.Open, "untouched");
        }
    }

    function test_GasAboveMax_failsWithoutACall() public {
        bytes[] memory attributes = _with(abi.encodeWithSignature("gasLimit(uint256)", 10_000_001));
        Sent memory sent = _send(a, b, ALICE, address(recipient), "", attributes);
        vm.assertEq(_failReason(sent), bytes32(IGateway.GasLimitAboveMax.selector), "reason");
        vm.assertEq(recipient.calls(), 0, "not called");
        vm.warp(START + 7 days);
        b.gateway.refuse(Wire.canonical(sent));
        vm.assertTrue(_status(0) == Status.Settled, "goes home");
    }

    function test_retryRevertsWholeAndNeedsTheWholeMessage() public {
        recipient.set(Recipient.Mood.Revert);
        Sent memory sent = _send(a, b, ALICE, address(recipient), "x");
        _deliver(a, b, sent);
        vm.expectRevert(
            abi.encodeWithSelector(IGateway.StillFailing.selector, bytes32(Recipient.NotInTheMood.selector))
        );
        b.gateway.retry(Wire.canonical(sent));
        recipient.set(Recipient.Mood.Accept);
        Sent memory forged = abi.decode(abi.encode(sent), (Sent));
        forged.payload = "y";
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotFailed.selector, Wire.id(forged)));
        b.gateway.retry(Wire.canonical(forged));
        (bool ok,) = address(b.gateway).call{gas: 200_000}(abi.encodeCall(b.gateway.retry, (Wire.canonical(sent))));
        vm.assertFalse(ok, "with less gas than it was sent with");
        b.gateway.retry(Wire.canonical(sent));
        vm.assertEq(recipient.calls(), 1, "once");
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotFailed.selector, Wire.id(sent)));
        b.gateway.retry(Wire.canonical(sent));
    }

    function test_refuseOnlyAfterSevenDaysFromTheFirstFailure() public {
        recipient.set(Recipient.Mood.Revert);
        Sent memory sent = _send(a, b, ALICE, address(recipient), "x");
        _deliver(a, b, sent);
        vm.warp(START + 7 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RefusedTooEarly.selector, START + 7 days));
        b.gateway.refuse(Wire.canonical(sent));
        vm.warp(START + 7 days);
        vmLogs.recordLogs();
        b.gateway.refuse(Wire.canonical(sent));
        Sent memory control = _lastSent(b, a);
        vm.assertEq(control.kind, 4, "Control");
        vm.assertEq(control.sender, address(b.gateway), "from the gateway");
        vm.assertEq(control.recipient, address(a.gateway), "to the gateway");
        vm.assertEq(control.payload, abi.encode(sent.sequence, Wire.id(sent)), "what it says");
        vm.assertEq(control.fee + control.gasLimit, 0, "costs nothing");
    }

    // ---- Governance ----

    /// @dev One act that always reverts, then a good one; and an older version after a newer.
    function test_GovernanceActOvertaken_laterActsStillRun() public {
        Sent memory bad = _govern(b, Act.CallModule, abi.encode(address(recipient), ""));
        Sent memory good = _govern(b, Act.SetRulesVersion, abi.encode(uint32(5), uint64(0)));
        Sent memory older = _govern(b, Act.SetRulesVersion, abi.encode(uint32(4), uint64(0)));
        vm.assertEq(good.after_, 1, "always ordered");
        _deliver(hub, b, good);
        vm.assertEq(b.gateway.rulesVersion(), 1, "waits");
        _deliver(hub, b, 0, 3, abi.encodePacked(Wire.item(bad), Wire.item(good), Wire.item(older)));
        (Status status,) = b.gateway.statusOf(hub.id, address(hub.gateway), 0);
        vm.assertTrue(status == Status.Failed, "failed");
        vm.assertEq(b.gateway.rulesVersion(), 5, "the newest");
        (status,) = b.gateway.statusOf(hub.id, address(hub.gateway), 2);
        vm.assertTrue(status == Status.Settled, "the older one succeeded and changed nothing");
        vm.warp(START + 8 days);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotRefusable.selector, 3));
        b.gateway.refuse(Wire.canonical(bad));
        _module(b, b, address(recipient), 1);
        vm.chainId(b.id);
        vm.expectRevert();
        b.gateway.retry(Wire.canonical(bad));
    }

    function test_governanceNeedsNoRouteAndCostsNothing() public {
        Sent memory act = _govern(b, Act.SetRulesVersion, abi.encode(uint32(2), uint64(0)));
        vm.assertEq(act.fee, 0, "free");
        _on(hub, REGISTRY);
        vm.expectRevert(
            abi.encodeWithSelector(IGateway.AttributeMalformed.selector, bytes4(keccak256("gateway(address)")))
        );
        hub.gateway.sendMessage(Wire.interoperable(b.id, address(b.agent)), "", _with(_kind(3)));
    }

    function _handMade(uint64 sequence) private view returns (Sent memory sent) {
        sent.originChainId = a.id;
        sent.originGateway = address(a.gateway);
        sent.destinationChainId = b.id;
        sent.destinationGateway = address(b.gateway);
        sent.sequence = sequence;
        sent.gasLimit = GAS;
        (sent.sender, sent.payer, sent.recipient) = (ALICE, ALICE, address(recipient));
    }

    function _failReason(Sent memory sent) private returns (bytes32 reason) {
        vmLogs.recordLogs();
        _deliver(a, b, sent);
        Log memory log = vmLogs.getRecordedLogs().last(IGateway.MessageFailed.selector);
        vm.assertEq(log.topics[1], Wire.id(sent), "id");
        (,,, reason) = abi.decode(log.data, (uint64, address, uint64, bytes32));
    }

    function _status(uint64 sequence) private view returns (Status status) {
        (status,) = b.gateway.statusOf(a.id, address(a.gateway), sequence);
    }
}
