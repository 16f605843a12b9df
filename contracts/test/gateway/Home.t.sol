// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Act} from "../../src/interfaces/IHubAgent.sol";
import {Commitment, IGateway, Route, Status} from "../../src/interfaces/IGateway.sol";
import {Log, Logs, vmLogs} from "../support/Logs.sol";
import {ReclaimModule} from "../support/Recipients.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {World} from "../support/World.sol";

/// @title What comes home: refusals, value, fees
/// @dev Tests with two words before an underscore are named after the attacks of docs/security.md.
contract HomeTest is World {
    using Logs for Log[];

    address private constant SPONSOR = address(0x5905);
    uint96 private constant FEE = 7 ether;

    ReclaimModule private module;
    ReclaimModule private remote;

    function setUp() public {
        _setUpWorld();
        Route memory route = _freeRoute(address(b.gateway));
        route.feeBase = FEE;
        _route(a, b, route);
        module = new ReclaimModule();
        remote = new ReclaimModule();
        _module(a, a, address(module), 1);
        _module(b, a, address(module), 1);
        _module(b, b, address(remote), 1);
        _mint(a, address(module), 1_000 ether);
        _on(a, address(module));
        a.era.approve(address(a.gateway), type(uint256).max);
    }

    function test_refusedValueComesBackOnce() public {
        Sent memory sent = _refused();
        bytes memory path = _path(sent);
        a.gateway.reclaim(Wire.canonical(sent), 1, path);
        vm.assertEq(module.given(), 1, "value");
        vm.assertEq(module.lastPayload(), sent.payload, "with what it carried");
        vm.assertEq(a.era.balanceOf(SPONSOR), 0, "the fee was earned");
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingReclaimed.selector, Wire.id(sent)));
        a.gateway.reclaim(Wire.canonical(sent), 1, path);
    }

    function test_brokenModuleIsAskedAgainLater() public {
        Sent memory sent = _refused();
        bytes memory path = _path(sent);
        module.set(true);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingReclaimed.selector, Wire.id(sent)));
        a.gateway.reclaim(Wire.canonical(sent), 1, path);
        module.set(false);
        a.gateway.reclaim(Wire.canonical(sent), 1, path);
        vm.assertEq(module.given(), 1, "value");
    }

    /// @dev A destination that lies can refuse only what was sent to it.
    function test_forgedRefusalGivesNothing() public {
        Sent memory sent = _sendValue("real");
        Sent memory forged = abi.decode(abi.encode(sent), (Sent));
        (forged.payload, forged.fee) = ("forged", 900 ether);
        _control(abi.encode(uint64(0), Wire.id(forged)));
        vm.chainId(a.id);
        a.gateway.snapshot(b.id, address(b.gateway));
        vm.expectRevert(IGateway.LeafNotProven.selector);
        a.gateway.reclaim(Wire.canonical(forged), 1, "");
        vm.expectRevert(IGateway.RangeProofLength.selector);
        a.gateway.reclaim(Wire.canonical(forged), 1, hex"00");
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotRefused.selector, Wire.id(sent)));
        a.gateway.reclaim(Wire.canonical(sent), 1, "");
    }

    /// @dev Exactly the fee paid comes back, to the payer, whatever the route costs by now.
    function test_FeeRaised_exactlyTheFeePaidComesBack() public {
        Sent memory sent = _sendValue("x");
        Route memory route = _freeRoute(address(b.gateway));
        route.feeBase = 10 * FEE;
        _route(a, b, route);
        _reclaimVoid(sent);
        vm.assertEq(a.era.balanceOf(SPONSOR), FEE, "fee to the payer");
        vm.assertEq(a.era.balanceOf(address(a.gateway)), 0, "escrow");
        vm.assertEq(module.given(), 1, "value through the module");
    }

    function test_FeeRaised_partsSucceedIndependently() public {
        Sent memory sent = _sendValue("x");
        uint256 state = vm.snapshotState();

        module.set(true);
        _reclaimVoid(sent);
        (bool value, bool fee) = a.gateway.reclaimed(Wire.id(sent));
        vm.assertTrue(!value && fee, "fee alone");
        module.set(false);
        _reclaimVoid(sent);
        vm.assertEq(a.era.balanceOf(SPONSOR), FEE, "fee once");
        vm.assertEq(module.given(), 1, "value later");

        vm.revertToState(state);
        _on(a, address(a.gateway));
        a.era.transfer(EXECUTOR, FEE);
        _reclaimVoid(sent);
        (value, fee) = a.gateway.reclaimed(Wire.id(sent));
        vm.assertTrue(value && !fee, "value alone, with the escrow emptied");
        _mint(a, address(a.gateway), FEE);
        _reclaimVoid(sent);
        vm.assertEq(a.era.balanceOf(SPONSOR), FEE, "fee later");
        vm.assertEq(module.given(), 1, "value once");
    }

    /// @dev A fee is taken from the caller alone; a sponsor named as payer is not charged, and gets the fee and not the value.
    function test_StrangersEra_feeIsTakenFromTheCaller() public {
        _mint(a, SPONSOR, 100 ether);
        _on(a, SPONSOR);
        a.era.approve(address(a.gateway), type(uint256).max);
        bytes[] memory attributes = _with(abi.encodeWithSignature("payer(address)", SPONSOR));
        _on(a, ALICE);
        vm.expectRevert();
        a.gateway.sendMessage(Wire.interoperable(b.id, ALICE), "", attributes);
        _sendValue("x");
        vm.assertEq(a.era.balanceOf(SPONSOR), 100 ether, "untouched");
    }

    function test_VoidMarker_ofAnotherMessage() public {
        Sent memory sent = _sendValue("x");
        _judgeVoid(sent);
        Sent memory forged = abi.decode(abi.encode(sent), (Sent));
        forged.fee = 500 ether;
        _expectVoidRefused(forged, IGateway.LeafNotProven.selector);
        forged = abi.decode(abi.encode(sent), (Sent));
        forged.payload = "y";
        _expectVoidRefused(forged, IGateway.LeafNotProven.selector);
        forged = abi.decode(abi.encode(sent), (Sent));
        forged.originGateway = address(b.gateway);
        _expectVoidRefused(forged, IGateway.NotThisGateway.selector);
        leavesOf[address(a.gateway)][address(b.gateway)][0] = Wire.id(sent);
        _expectVoidRefused(sent, IGateway.LeafNotProven.selector);
    }

    /// @dev Of delivering, retrying, refusing and reclaiming, in each order, value moves once.
    function test_ReclaimedAndDelivered_eachOrder() public {
        Sent memory sent = _sendValue("x");
        remote.set(true);
        _deliver(a, b, sent);
        remote.set(false);
        uint256 state = vm.snapshotState();

        // Retried, then refused, then reclaimed.
        b.gateway.retry(Wire.canonical(sent));
        vm.warp(START + 7 days);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotFailed.selector, Wire.id(sent)));
        b.gateway.refuse(Wire.canonical(sent));
        vm.chainId(a.id);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotRefused.selector, Wire.id(sent)));
        a.gateway.reclaim(Wire.canonical(sent), 1, "");

        // Refused, then retried, delivered, refused again, then reclaimed twice.
        vm.revertToState(state);
        _refuseAndTakeHome(sent);
        vm.chainId(b.id);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotFailed.selector, Wire.id(sent)));
        b.gateway.retry(Wire.canonical(sent));
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotFailed.selector, Wire.id(sent)));
        b.gateway.refuse(Wire.canonical(sent));
        vmLogs.recordLogs();
        _deliver(a, b, sent);
        vm.assertEq(vmLogs.getRecordedLogs().count(IGateway.MessageDelivered.selector), 0, "not delivered");
        bytes memory path = _path(sent);
        a.gateway.reclaim(Wire.canonical(sent), 1, path);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingReclaimed.selector, Wire.id(sent)));
        a.gateway.reclaim(Wire.canonical(sent), 1, path);
        vm.assertEq(module.given(), 1, "once");
    }

    function test_ReclaimedTwice_byVoidAndByRefusal() public {
        Sent memory sent = _refused();
        bytes memory path = _path(sent);
        a.gateway.reclaim(Wire.canonical(sent), 1, path);
        _reclaimVoid(sent);
        vm.assertEq(module.given(), 1, "value once");
        vm.assertEq(a.era.balanceOf(SPONSOR), FEE, "fee");
        _expectVoidRefused(sent, IGateway.NothingReclaimed.selector);
    }

    function test_splitVerdictIsOverruled() public {
        Sent memory sent = _sendValue("x");
        _on(b, address(b.agent));
        vmLogs.recordLogs();
        b.gateway.refuseUnproven(a.id, address(a.gateway), 0);
        Sent memory control = _lastSent(b, a);
        vm.assertEq(control.payload, abi.encode(0, bytes32(0)), "no id");
        _deliver(a, b, sent);
        vm.assertTrue(_statusAtB(0) == Status.Settled, "never delivered");
        vm.chainId(a.id);
        _on(a, address(a.agent));
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotOverrulable.selector, 0));
        a.gateway.overrule(b.id, address(b.gateway), 0);
        _deliver(b, a, control);
        _on(a, address(a.agent));
        a.gateway.overrule(b.id, address(b.gateway), 0);
        _on(a, address(a.agent));
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotOverrulable.selector, 0));
        a.gateway.overrule(b.id, address(b.gateway), 0);
        _on(b, address(b.agent));
        vm.expectRevert(abi.encodeWithSelector(IGateway.AlreadyTaken.selector, 0));
        b.gateway.refuseUnproven(a.id, address(a.gateway), 0);
    }

    /// @dev Control that is not exactly a refusal of something sent there fails, and can be retried.
    function test_controlIsChecked() public {
        bytes[] memory payloads = new bytes[](3);
        payloads[0] = abi.encode(uint64(0), bytes32(0)); // Nothing was sent.
        payloads[1] = abi.encode(type(uint256).max, bytes32(0));
        payloads[2] = "short";
        for (uint256 i = 0; i < payloads.length; ++i) {
            vmLogs.recordLogs();
            _control(payloads[i]);
            Log memory log = vmLogs.getRecordedLogs().last(IGateway.MessageFailed.selector);
            (,,, bytes32 reason) = abi.decode(log.data, (uint64, address, uint64, bytes32));
            vm.assertEq(reason, bytes32(IGateway.ControlInvalid.selector), "reason");
        }
    }

    // ---- Fees of deliveries ----

    function testFuzz_feesArePaidAsAttestedNeverTwice(uint128 first, uint128 second) public {
        for (uint256 i = 0; i < 3; ++i) {
            _sendValue("x");
        }
        uint256 escrow = 3 * uint256(FEE);
        uint256 paid = _claim(first, escrow);
        paid += _claim(second, escrow - paid);
        uint256 most = first > second ? first : second;
        vm.assertEq(a.era.balanceOf(EXECUTOR), most < escrow ? most : escrow, "the highest total, as far as it goes");
        vm.assertEq(a.gateway.feesPaid(b.id, address(b.gateway), EXECUTOR), paid, "kept");
    }

    function test_feesOfAnotherAreNotPaid() public {
        _sendValue("x");
        Commitment memory commitment = _commitment(b);
        bytes32 key = Wire.feesKey(a.id, address(a.gateway), EXECUTOR);
        commitment.factsRoot = Wire.fact(key, abi.encode(uint256(5)));
        bytes memory proof = _sign(a, commitment);
        vm.chainId(a.id);
        vm.expectRevert(IGateway.FactNotProven.selector);
        a.gateway.claimFees(commitment, proof, EXECUTOR, 6, new bytes32[](0));
        vm.expectRevert(IGateway.FactNotProven.selector);
        a.gateway.claimFees(commitment, proof, ALICE, 5, new bytes32[](0));
        vm.expectRevert(IGateway.FactNotProven.selector);
        a.gateway.claimFees(commitment, proof, EXECUTOR, 5, new bytes32[](1));
        commitment.factsRoot = 0;
        proof = _sign(a, commitment);
        vm.expectRevert(IGateway.FactNotProven.selector);
        a.gateway.claimFees(commitment, proof, EXECUTOR, 5, new bytes32[](0));
    }

    /// @dev A fact under siblings, the first of them an empty subtree.
    function testFuzz_factUnderSiblings(address executor, uint8 depth, bytes32 sibling) public {
        vm.assume(executor != address(0) && executor != address(a.gateway));
        _sendValue("x");
        bytes32 key = Wire.feesKey(a.id, address(a.gateway), executor);
        bytes32[] memory siblings = new bytes32[](1 + uint256(depth));
        bytes32 root = Wire.fact(key, abi.encode(uint256(5)));
        for (uint256 i = 0; i < siblings.length; ++i) {
            siblings[i] = i == 0 ? bytes32(0) : keccak256(abi.encode(sibling, i));
            bool right = uint256(key) >> (256 - siblings.length + i) & 1 == 1;
            root = right ? keccak256(abi.encode(siblings[i], root)) : keccak256(abi.encode(root, siblings[i]));
        }
        Commitment memory commitment = _commitment(b);
        commitment.factsRoot = root;
        bytes memory proof = _sign(a, commitment);
        vm.chainId(a.id);
        uint256 before = a.era.balanceOf(executor);
        a.gateway.claimFees(commitment, proof, executor, 5, siblings);
        vm.assertEq(a.era.balanceOf(executor), before + 5, "paid");
    }

    function _claim(uint256 total, uint256 escrow) private returns (uint256 paid) {
        Commitment memory commitment = _commitment(b);
        commitment.factsRoot = Wire.fact(Wire.feesKey(a.id, address(a.gateway), EXECUTOR), abi.encode(total));
        bytes memory proof = _sign(a, commitment);
        vm.chainId(a.id);
        uint256 before = a.era.balanceOf(EXECUTOR);
        if (total <= before || escrow == 0) vm.expectRevert(IGateway.NothingToClaim.selector);
        a.gateway.claimFees(commitment, proof, EXECUTOR, total, new bytes32[](0));
        return a.era.balanceOf(EXECUTOR) - before;
    }

    function _sendValue(bytes memory payload) private returns (Sent memory) {
        bytes[] memory attributes = _with(_kind(1), abi.encodeWithSignature("payer(address)", SPONSOR));
        return _send(a, b, address(module), address(remote), payload, attributes);
    }

    /// @dev Sent, failed, refused after its time, and the refusal is home.
    function _refused() private returns (Sent memory sent) {
        sent = _sendValue("x");
        remote.set(true);
        _deliver(a, b, sent);
        _refuseAndTakeHome(sent);
    }

    function _refuseAndTakeHome(Sent memory sent) private {
        vm.warp(START + 7 days);
        vmLogs.recordLogs();
        vm.chainId(b.id);
        b.gateway.refuse(Wire.canonical(sent));
        _deliver(b, a, _lastSent(b, a));
    }

    /// @dev The message's path under a snapshot at its count of 1.
    function _path(Sent memory sent) private returns (bytes memory) {
        vm.chainId(a.id);
        a.gateway.snapshot(b.id, address(b.gateway));
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = Wire.id(sent);
        return Wire.rangeProof(ids, 0, 1);
    }

    /// @dev A Control message that B's gateway, or one that lies in its place, sent to A.
    function _control(bytes memory payload) private {
        Sent memory control;
        control.originChainId = b.id;
        control.originGateway = address(b.gateway);
        control.destinationChainId = a.id;
        control.destinationGateway = address(a.gateway);
        control.kind = 4;
        control.sequence = uint64(leavesOf[address(b.gateway)][address(a.gateway)].length);
        (control.sender, control.payer, control.recipient) =
        (address(b.gateway), address(b.gateway), address(a.gateway));
        control.payload = payload;
        leavesOf[address(b.gateway)][address(a.gateway)].push(Wire.id(control));
        _deliver(b, a, control);
    }

    function _reclaimVoid(Sent memory sent) private {
        _judgeVoid(sent);
        (bool ok, bytes memory reason) = _tryReclaimVoid(sent);
        vm.assertTrue(ok, vm.toString(reason));
    }

    function _expectVoidRefused(Sent memory sent, bytes4 reason) private {
        (bool ok, bytes memory answer) = _tryReclaimVoid(sent);
        vm.assertFalse(ok, "reclaimed");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(reason), "reason");
    }

    function _tryReclaimVoid(Sent memory sent) private returns (bool, bytes memory) {
        (Commitment memory commitment, uint64 count, bytes32 root, bytes32[] memory laneProof) = _laneCommitment(a, b);
        bytes memory proof = _sign(a, commitment);
        bytes memory path = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], sent.sequence, 1);
        vm.chainId(a.id);
        return address(a.gateway)
            .call(
                abi.encodeCall(
                    a.gateway.reclaimVoid, (Wire.canonical(sent), commitment, proof, count, root, laneProof, path)
                )
            );
    }

    function _statusAtB(uint64 sequence) private view returns (Status status) {
        (status,) = b.gateway.statusOf(a.id, address(a.gateway), sequence);
    }
}
