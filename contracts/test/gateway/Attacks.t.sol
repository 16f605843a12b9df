// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Act} from "../../src/interfaces/IHubAgent.sol";
import {Commitment, IGateway, Status} from "../../src/interfaces/IGateway.sol";
import {Log, Logs, vmLogs} from "../support/Logs.sol";
import {MockAttesterSet} from "../support/MockAttesterSet.sol";
import {Recipient} from "../support/Recipients.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {Deployer, World} from "../support/World.sol";

/// @title What an attacker does
/// @dev Each test is named after its attack in docs/security.md.
contract AttacksTest is World {
    using Logs for Log[];

    Recipient private recipient;
    Sent private sent;

    /// @dev The arguments of `accept`, to be changed one at a time.
    struct Accept {
        Commitment commitment;
        bytes proof;
        uint64 count;
        bytes32 root;
        bytes32[] laneProof;
    }

    function setUp() public {
        _setUpWorld();
        _openRoute(a, b);
        recipient = new Recipient();
        sent = _send(a, b, ALICE, address(recipient), "x");
        _send(a, b, ALICE, address(recipient), "y");
    }

    /// @dev Nomad. Even a quorum that signs nothing proves nothing.
    function test_ZeroRoot_provesNothing() public {
        Accept memory args = _good();
        args.root = 0;
        _refuse(args, IGateway.ZeroRoot.selector);
        args = _good();
        args.count = 0;
        _refuse(args, IGateway.ZeroRoot.selector);
        args = _good();
        args.commitment.lanesRoot = 0;
        args.laneProof = new bytes32[](0);
        args.proof = _sign(b, args.commitment);
        _refuse(args, IGateway.ZeroRoot.selector);
        args = _good();
        args.proof = "";
        _refuse(args, MockAttesterSet.SignatureInvalid.selector);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootUnknown.selector, a.id, a.gateway, 0));
        b.gateway.deliver(a.id, address(a.gateway), 0, 0, "", "");
        uint64 count = _accept(a, b);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RangeOutOfBounds.selector, 0, 0, count));
        b.gateway.deliver(a.id, address(a.gateway), count, 0, "", "");
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemMalformed.selector, 0));
        b.gateway.deliver(a.id, address(a.gateway), count, 0, Wire.bareItem(0), "");
    }

    /// @dev Wormhole. Whatever a caller supplies and changes, nothing is accepted or delivered.
    function test_SuppliedByCaller_everyArgumentOfAccept() public {
        Accept memory args = _good();
        args.count += 1;
        _refuse(args, IGateway.LaneNotProven.selector);
        args = _good();
        args.root = keccak256("mine");
        _refuse(args, IGateway.LaneNotProven.selector);
        args = _good();
        args.laneProof[0] = keccak256("mine");
        _refuse(args, IGateway.LaneNotProven.selector);
        args = _good();
        args.laneProof = new bytes32[](33);
        _refuse(args, IGateway.LaneNotProven.selector);
        args = _good();
        args.proof = abi.encodePacked(args.proof, uint8(0));
        _refuse(args, MockAttesterSet.SignatureInvalid.selector);
    }

    function test_SuppliedByCaller_everyArgumentOfDeliver() public {
        uint64 count = _accept(a, b);
        bytes memory items = Wire.item(sent);
        bytes memory proof = Wire.rangeProof(leavesOf[address(a.gateway)][address(b.gateway)], 0, 1);
        _refuseDelivery(a.id + 1, address(a.gateway), count, 0, items, proof);
        _refuseDelivery(a.id, address(hub.gateway), count, 0, items, proof);
        _refuseDelivery(a.id, address(a.gateway), count + 1, 0, items, proof);
        _refuseDelivery(a.id, address(a.gateway), count, 1, items, proof);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] ^= 0x01;
            _refuseDelivery(a.id, address(a.gateway), count, 0, items, proof);
            items[i] ^= 0x01;
        }
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] ^= 0x80;
            _refuseDelivery(a.id, address(a.gateway), count, 0, items, proof);
            proof[i] ^= 0x80;
        }
        b.gateway.deliver(a.id, address(a.gateway), count, 0, items, proof);
        vm.assertEq(recipient.calls(), 1, "the genuine one");
    }

    /// @dev Replay on another chain, network, gateway, version: each field changed alone invalidates the signature.
    function test_Replay_eachFieldOfTheCommitment() public {
        for (uint256 field = 0; field < 8; ++field) {
            Accept memory args = _good();
            Commitment memory c = args.commitment;
            if (field == 0) c.version += 1;
            if (field == 1) c.network = keccak256("another network");
            if (field == 2) c.originChainId += 1;
            if (field == 3) c.originGateway = address(hub.gateway);
            if (field == 4) c.blockNumber += 1;
            if (field == 5) c.blockHash = keccak256("another block");
            if (field == 6) c.lanesRoot = keccak256("another root");
            if (field == 7) c.factsRoot = keccak256("other facts");
            _refuse(args, field == 1 ? IGateway.WrongNetwork.selector : MockAttesterSet.SignatureInvalid.selector);
        }
    }

    /// @dev One signature serves every destination, but a lane leads to one gateway on one chain.
    function test_Replay_atAnotherDestination() public {
        Accept memory args = _good();
        _sign(hub, args.commitment);
        _refuseAt(hub, args, IGateway.LaneNotProven.selector);
        vm.chainId(b.id + 1);
        vm.expectRevert(IGateway.LaneNotProven.selector);
        b.gateway.accept(args.commitment, args.proof, args.count, args.root, args.laneProof);
    }

    function test_TwoRoots_theSecondIsRefused() public {
        Accept memory args = _good();
        b.gateway.accept(args.commitment, args.proof, args.count, args.root, args.laneProof);
        b.gateway.accept(args.commitment, args.proof, args.count, args.root, args.laneProof);
        leavesOf[address(a.gateway)][address(b.gateway)][0] = keccak256("a flipped verdict");
        Accept memory other = _good();
        vm.chainId(b.id);
        bytes32 kept = bytes32((uint256(args.root) >> 8 << 8) | args.count);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootConflict.selector, kept, other.root));
        b.gateway.accept(other.commitment, other.proof, other.count, other.root, other.laneProof);
    }

    /// @dev Poly: the executor makes the gateway call what obeys it.
    function test_PrivilegedTargets_areNoRecipients() public {
        address[4] memory targets = [address(b.gateway), address(b.agent), address(b.attesters), address(b.era)];
        for (uint256 i = 0; i < targets.length; ++i) {
            _expectFailure(a, b, _send(a, b, ALICE, targets[i], "x"), IGateway.RecipientPrivileged.selector);
        }
    }

    /// @dev The identity precompile echoes what it is sent; an account without code answers nothing.
    function test_PrivilegedTargets_precompilesDoNotAnswer() public {
        for (uint160 i = 1; i < 18; ++i) {
            Sent memory message = _send(a, b, ALICE, address(i), "x");
            _deliver(a, b, message);
            (Status status,) = b.gateway.statusOf(a.id, address(a.gateway), message.sequence);
            vm.assertTrue(status == Status.Failed, "failed");
        }
    }

    /// @dev Only two modules of the same number and kind speak that kind to each other, and nothing else.
    function test_KindConfusion_betweenModules() public {
        bytes4 mismatch = IGateway.ModuleMismatch.selector;
        address value = address(0x7a1e);
        // No module at either end.
        _expectFailure(a, b, _send(a, b, value, address(recipient), "", _with(_kind(1))), mismatch);
        // A module only here.
        _module(b, b, address(recipient), 1);
        _expectFailure(a, b, _send(a, b, value, address(recipient), "", _with(_kind(1))), mismatch);
        _expectFailure(a, b, _send(a, b, value, address(recipient), ""), mismatch);
        // Of another kind, of another module, then the same.
        _on(b, address(b.agent));
        b.gateway.setModule(a.id, value, 1, 2, 1);
        _expectFailure(a, b, _send(a, b, value, address(recipient), "", _with(_kind(1))), mismatch);
        _on(b, address(b.agent));
        b.gateway.setModule(a.id, value, 2, 1, 2);
        _expectFailure(a, b, _send(a, b, value, address(recipient), "", _with(_kind(1))), mismatch);
        _on(b, address(b.agent));
        b.gateway.setModule(a.id, value, 1, 1, 3);
        _expectFailure(a, b, _send(a, b, value, address(recipient), "", _with(_kind(2))), mismatch);
        _expectFailure(a, b, _send(a, b, value, address(recipient), ""), mismatch);
        vm.assertEq(recipient.calls(), 0, "never called");
        _deliver(a, b, _send(a, b, value, address(recipient), "", _with(_kind(1))));
        vm.assertEq(recipient.calls(), 1, "the one that fits");
    }

    /// @dev A row that is still on its way makes a failure, not a void: the message is retried when the row has come.
    function test_KindConfusion_rowMayStillBeOnItsWay() public {
        Sent memory early = _send(a, b, ALICE, address(recipient), "", _with(_kind(1)));
        _expectFailure(a, b, early, IGateway.ModuleMismatch.selector);
        _module(b, b, address(recipient), 1);
        _module(b, a, ALICE, 1);
        vm.chainId(b.id);
        b.gateway.retry(Wire.canonical(early));
        vm.assertEq(recipient.calls(), 1, "delivered");
    }

    function test_KindConfusion_governanceFromARollup() public {
        _on(a, REGISTRY);
        vm.expectRevert(abi.encodeWithSelector(IGateway.KindNotAllowed.selector, 3));
        a.gateway.sendMessage(Wire.interoperable(b.id, address(b.agent)), "", _with(_kind(3)));
        _on(hub, ALICE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.KindNotAllowed.selector, 3));
        hub.gateway.sendMessage(Wire.interoperable(b.id, address(b.agent)), "", _with(_kind(3)));
        _on(a, ALICE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.KindNotAllowed.selector, 4));
        a.gateway.sendMessage(Wire.interoperable(b.id, address(b.gateway)), "", _with(_kind(4)));

        // A rollup whose gateway lies puts it into its lane all the same.
        bytes memory act = abi.encode(uint8(Act.SetRulesVersion), abi.encode(uint32(9), uint64(0)));
        _expectFailure(a, b, _forge(a, REGISTRY, address(b.agent), act), IGateway.GovernanceNotFromHub.selector);
        // The hub's gateway says so, but it is not the registry, or not to the agent.
        _expectFailure(hub, b, _forge(hub, ALICE, address(b.agent), act), IGateway.GovernanceNotFromHub.selector);
        _expectFailure(hub, b, _forge(hub, REGISTRY, address(recipient), act), IGateway.GovernanceNotFromHub.selector);
        vm.assertEq(b.gateway.rulesVersion(), 1, "unchanged");
        _deliver(hub, b, _forge(hub, REGISTRY, address(b.agent), act));
        vm.assertEq(b.gateway.rulesVersion(), 9, "the genuine one");
    }

    /// @dev Of the origin: its roots, bits and failures count for nothing under the new address, nor the other way round.
    function test_GatewayRedeployed_isANewOrigin() public {
        recipient.set(Recipient.Mood.Revert);
        _deliver(a, b, sent);
        recipient.set(Recipient.Mood.Accept);
        Accept memory args = _good();
        vm.chainId(a.id);
        IGateway.Config memory config = a.gateway.config();
        (a.gateway,) = _deployPair(config);
        args.commitment.originGateway = address(a.gateway);
        _refuse(args, MockAttesterSet.SignatureInvalid.selector);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootUnknown.selector, a.id, a.gateway, 2));
        b.gateway.deliver(a.id, address(a.gateway), 2, 0, Wire.item(sent), "");

        _openRoute(a, b);
        Sent memory again = _send(a, b, ALICE, address(recipient), "x");
        vm.assertEq(again.sequence, 0, "numbered anew");
        _deliver(a, b, again);
        vm.assertEq(recipient.calls(), 1, "not taken for the old one");
        vm.chainId(b.id);
        b.gateway.retry(Wire.canonical(sent));
        vm.assertEq(recipient.calls(), 2, "the old failure is the old origin's");
    }

    /// @dev Of the destination: what led to the old one is not accepted by the new one.
    function test_GatewayRedeployed_isANewDestination() public {
        Accept memory args = _good();
        IGateway.Config memory config = b.gateway.config();
        (b.gateway,) = _deployPair(config);
        _refuse(args, IGateway.LaneNotProven.selector);
        _openRoute(a, b);
        vm.assertEq(_send(a, b, ALICE, address(recipient), "x").sequence, 0, "a lane of its own");
    }

    function test_ConfigInvalid_isRefused() public {
        IGateway.Config memory good = b.gateway.config();
        vm.chainId(b.id);
        Deployer deployer = new Deployer();
        bytes memory code = vm.getCode("Gateway.sol:Gateway");
        deployer.deploy(abi.encodePacked(code, abi.encode(good)));
        for (uint256 field = 0; field < 10; ++field) {
            IGateway.Config memory config = abi.decode(abi.encode(good), (IGateway.Config));
            if (field == 0) config.network = 0;
            if (field == 1) config.hubChainId = 0;
            if (field == 2) config.hubRegistry = address(0);
            if (field == 3) config.hubAgent = address(0);
            if (field == 4) config.attesterSet = address(0);
            if (field == 5) config.era = address(0xe4a);
            if (field == 6) config.routeAdmin = address(0);
            if (field == 7) config.guardian = address(0);
            if (field == 8) config.council = address(0);
            if (field == 9) config.hubChainId = b.id;
            vm.expectRevert(IGateway.ConfigInvalid.selector);
            deployer.deploy(abi.encodePacked(code, abi.encode(config)));
        }
    }

    function _good() private returns (Accept memory args) {
        (args.commitment, args.count, args.root, args.laneProof) = _laneCommitment(a, b);
        args.proof = _sign(b, args.commitment);
        vm.chainId(b.id);
    }

    function _refuse(Accept memory args, bytes4 reason) private {
        _refuseAt(b, args, reason);
    }

    function _refuseAt(Chain memory at, Accept memory args, bytes4 reason) private {
        vm.chainId(at.id);
        (bool ok, bytes memory answer) = address(at.gateway)
            .call(
                abi.encodeCall(at.gateway.accept, (args.commitment, args.proof, args.count, args.root, args.laneProof))
            );
        vm.assertFalse(ok, "accepted");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(reason), "reason");
    }

    function _refuseDelivery(
        uint64 chainId,
        address gateway,
        uint64 count,
        uint64 first,
        bytes memory items,
        bytes memory proof
    ) private {
        (bool ok,) = address(b.gateway)
            .call(abi.encodeCall(b.gateway.deliver, (chainId, gateway, count, first, items, proof)));
        vm.assertFalse(ok, "delivered");
    }

    /// @dev A Governance message put into a lane by hand.
    function _forge(Chain memory from, address sender, address to, bytes memory payload)
        private
        returns (Sent memory forged)
    {
        bytes32[] storage leaves = leavesOf[address(from.gateway)][address(b.gateway)];
        (forged.originChainId, forged.originGateway) = (from.id, address(from.gateway));
        (forged.destinationChainId, forged.destinationGateway) = (b.id, address(b.gateway));
        (forged.sequence, forged.kind, forged.gasLimit) = (uint64(leaves.length), 3, GAS);
        (forged.sender, forged.payer, forged.recipient, forged.payload) = (sender, sender, to, payload);
        leaves.push(Wire.id(forged));
    }

    function _expectFailure(Chain memory from, Chain memory to, Sent memory message, bytes4 reason) private {
        vmLogs.recordLogs();
        _deliver(from, to, message);
        Log memory log = vmLogs.getRecordedLogs().last(IGateway.MessageFailed.selector);
        (,,, bytes32 logged) = abi.decode(log.data, (uint64, address, uint64, bytes32));
        vm.assertEq(logged, bytes32(reason), "reason");
    }
}
