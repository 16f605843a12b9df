// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {Act} from "../../src/interfaces/IHubAgent.sol";
import {IGateway, Route} from "../../src/interfaces/IGateway.sol";
import {Log, Logs, vmLogs} from "../support/Logs.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {World} from "../support/World.sol";

/// @title Sending: what is logged, what it costs, what is refused
contract SendTest is World {
    using Logs for Log[];

    address private constant BOB = address(0xb0b);

    function setUp() public {
        _setUpWorld();
        _openRoute(a, b);
    }

    function test_logsWhatTheProtocolSays() public {
        vmLogs.recordLogs();
        bytes[] memory attributes = _with(abi.encodeWithSignature("gasLimit(uint256)", 70_000), _ordered());
        _on(a, ALICE);
        bytes32 sendId = a.gateway.sendMessage(Wire.interoperable(b.id, BOB), "hello", attributes);
        vm.assertEq(sendId, 0, "nothing more is needed");

        Log memory log = vmLogs.getRecordedLogs().last(IERC7786GatewaySource.MessageSent.selector);
        vm.assertEq(log.topics[1], 0, "sendId");
        bytes[] memory logged = new bytes[](3);
        (logged[0], logged[1]) = (attributes[0], attributes[1]);
        bytes32 id = keccak256(
            abi.encodePacked(
                abi.encodePacked(keccak256("metalayer/message"), uint8(1), a.id, a.gateway, b.id, b.gateway),
                abi.encodePacked(uint64(0), uint8(0), uint32(70_000), ALICE, BOB, ALICE, uint128(0), uint64(0), "hello")
            )
        );
        logged[2] = abi.encodeWithSignature(
            "sent(bytes32,uint64,address,uint8,uint32,address,uint128,uint64)", id, 0, b.gateway, 0, 70_000, ALICE, 0, 0
        );
        bytes memory expected =
            abi.encode(Wire.interoperable(a.id, ALICE), Wire.interoperable(b.id, BOB), bytes("hello"), 0, logged);
        vm.assertEq(log.data, expected, "data");
    }

    function testFuzz_laneGrowsByTheIdsInOrder(bytes[4] memory payloads) public {
        for (uint256 i = 0; i < payloads.length; ++i) {
            vm.assertEq(_send(a, b, ALICE, BOB, payloads[i]).sequence, i, "sequence");
        }
        (uint64 count, bytes32 root) = a.gateway.lane(b.id, address(b.gateway));
        vm.assertEq(count, payloads.length, "count");
        vm.assertEq(root, Wire.laneRoot(leavesOf[address(a.gateway)][address(b.gateway)]), "root");
    }

    function test_snapshotKeepsTheRoot() public {
        vm.expectRevert(IGateway.LaneEmpty.selector);
        a.gateway.snapshot(b.id, address(b.gateway));
        _send(a, b, ALICE, BOB, "one");
        a.gateway.snapshot(b.id, address(b.gateway));
        bytes32 root = Wire.laneRoot(leavesOf[address(a.gateway)][address(b.gateway)]);
        _send(a, b, ALICE, BOB, "two");
        vm.assertEq(a.gateway.snapshotAt(b.id, address(b.gateway), 1), root, "as it stood");
        vm.assertEq(a.gateway.snapshotAt(b.id, address(b.gateway), 2), 0, "not taken");
    }

    function test_orderedFollowsTheSendersLast() public {
        vm.assertEq(_send(a, b, ALICE, BOB, "0", _with(_ordered())).after_, 0, "first");
        vm.assertEq(_send(a, b, ALICE, BOB, "1").after_, 0, "unordered");
        vm.assertEq(_send(a, b, BOB, BOB, "2", _with(_ordered())).after_, 0, "another sender");
        vm.assertEq(_send(a, b, ALICE, BOB, "3", _with(_ordered())).after_, 1, "after the first");
        vm.assertEq(_send(a, b, ALICE, BOB, "4", _with(_ordered())).after_, 4, "after the second");
        vm.assertEq(a.gateway.lastOrdered(b.id, address(b.gateway), ALICE), 5, "last");
    }

    function testFuzz_quoteIsWhatIsCharged(bytes memory payload, uint96 base, uint80 perByte, uint80 perGas, uint32 gas)
        public
    {
        Route memory route = _freeRoute(address(b.gateway));
        (route.feeBase, route.feePerByte, route.feePerGas) = (base % 1e24, perByte % 1e18, perGas % 1e15);
        gas %= 20_000_001;
        _route(a, b, route);
        uint256 fee = route.feeBase + payload.length * route.feePerByte + uint256(gas) * route.feePerGas;
        _mint(a, ALICE, fee);
        _on(a, ALICE);
        a.era.approve(address(a.gateway), fee);

        bytes[] memory attributes =
            _with(abi.encodeWithSignature("gasLimit(uint256)", gas), abi.encodeWithSignature("payer(address)", BOB));
        _on(a, ALICE);
        vm.assertEq(a.gateway.quote(Wire.interoperable(b.id, BOB), payload, attributes), fee, "quote");
        Sent memory sent = _send(a, b, ALICE, BOB, payload, attributes);
        vm.assertEq(sent.fee, fee, "in the message");
        vm.assertEq(sent.payer, BOB, "who gets it back");
        vm.assertEq(a.era.balanceOf(ALICE), 0, "taken from the caller");
        vm.assertEq(a.era.balanceOf(address(a.gateway)), fee, "in escrow");
    }

    function testFuzz_recipientsHaveOneForm(bytes memory recipient) public {
        vm.assume(recipient.length != 27 && recipient.length != 29);
        _refuseRecipient(recipient);
    }

    function test_recipientsThatAreNotMinimal() public {
        bytes memory good = Wire.interoperable(b.id, BOB);
        _refuseRecipient(abi.encodePacked(good, uint8(0)));
        _refuseRecipient(abi.encodePacked(hex"0002000003", uint24(b.id), uint8(20), BOB));
        _refuseRecipient(abi.encodePacked(hex"0001000103", uint24(b.id), uint8(20), BOB));
        _refuseRecipient(abi.encodePacked(hex"0001000004", uint32(b.id), uint8(20), BOB));
        _refuseRecipient(abi.encodePacked(hex"0001000003", uint24(b.id), uint8(19), BOB));
        _refuseRecipient(abi.encodePacked(hex"0001000009", uint72(1 << 64), uint8(20), BOB));
        _refuseRecipient(abi.encodePacked(hex"000100000100", uint8(20), BOB));
        _refuseRecipient(abi.encodePacked(hex"0001000000", uint8(20), BOB));
        _refuseRecipient("");
    }

    /// @dev Chain references of every length that there is.
    function testFuzz_chainReferences(uint64 chainId, uint8 bytesDropped) public {
        chainId >>= 8 * (bytesDropped % 8);
        vm.assume(chainId != 0 && chainId != a.id && chainId != 901);
        _on(a, ROUTE_ADMIN);
        a.gateway.setRoute(chainId, _freeRoute(address(b.gateway)));
        vmLogs.recordLogs();
        _on(a, ALICE);
        a.gateway.sendMessage(Wire.interoperable(chainId, BOB), "", new bytes[](0));
        Log memory log = vmLogs.getRecordedLogs().last(IERC7786GatewaySource.MessageSent.selector);
        (, bytes memory recipient,,,) = abi.decode(log.data, (bytes, bytes, bytes, uint256, bytes[]));
        vm.assertEq(recipient, Wire.interoperable(chainId, BOB), "recipient");
        (uint64 count,) = a.gateway.lane(chainId, address(b.gateway));
        vm.assertEq(count, 1, "in the lane");
    }

    function test_attributesAreExact() public {
        _refuseAttribute(hex"", IERC7786GatewaySource.UnsupportedAttribute.selector);
        _refuseAttribute(hex"112233", IERC7786GatewaySource.UnsupportedAttribute.selector);
        bytes4 own = bytes4(keccak256("sent(bytes32,uint64,address,uint8,uint32,address,uint128,uint64)"));
        _refuseAttribute(abi.encodePacked(own, new bytes(256)), IERC7786GatewaySource.UnsupportedAttribute.selector);
        _refuseAttribute(
            abi.encodeWithSignature("gateway(address)", b.gateway), IERC7786GatewaySource.UnsupportedAttribute.selector
        );
        _refuseAttribute(abi.encodePacked(_ordered(), uint8(0)), IGateway.AttributeMalformed.selector);
        _refuseAttribute(abi.encodePacked(_kind(1), uint8(0)), IGateway.AttributeMalformed.selector);
        _refuseAttribute(abi.encodeWithSignature("kind(uint8)", uint256(256)), IGateway.AttributeMalformed.selector);
        _refuseAttribute(abi.encodeWithSignature("kind(uint8)", 5), IGateway.AttributeMalformed.selector);
        _refuseAttribute(abi.encodeWithSignature("payer(address)", 0), IGateway.AttributeMalformed.selector);
        _refuseAttribute(abi.encodeWithSignature("payer(address)", 1 << 160), IGateway.AttributeMalformed.selector);
        _refuse(b.id, "", _with(_ordered(), _ordered()), IGateway.AttributeRepeated.selector);
        vm.assertTrue(a.gateway.supportsAttribute(bytes4(keccak256("ordered()"))), "supported");
        vm.assertFalse(a.gateway.supportsAttribute(own), "the gateway's own");
    }

    function test_limitsOfTheRoute() public {
        Route memory route = _freeRoute(address(b.gateway));
        (route.kinds, route.bytesMax, route.gasMax) = (1, 10, 300_000);
        _route(a, b, route);
        _send(a, b, ALICE, BOB, new bytes(10), _with(abi.encodeWithSignature("gasLimit(uint256)", 300_000)));
        _refuse(b.id, new bytes(11), new bytes[](0), IGateway.PayloadTooLong.selector);
        _refuseAttribute(abi.encodeWithSignature("gasLimit(uint256)", 300_001), IGateway.GasLimitTooHigh.selector);
        _refuseAttribute(abi.encodeWithSignature("gasLimit(uint256)", (1 << 32) + 1), IGateway.GasLimitTooHigh.selector);
        _refuseAttribute(_kind(1), IGateway.KindNotAllowed.selector);
    }

    function test_noRouteNoMessage() public {
        _refuse(hub.id, "", new bytes[](0), IGateway.NoRoute.selector);
        _refuse(a.id, "", new bytes[](0), IGateway.DestinationIsHere.selector);
        Route memory none;
        _route(a, b, none);
        _refuse(b.id, "", new bytes[](0), IGateway.NoRoute.selector);
    }

    function test_noNativeValue() public {
        vm.deal(ALICE, 1);
        _on(a, ALICE);
        (bool ok, bytes memory reason) = address(a.gateway).call{value: 1}(
            abi.encodeCall(a.gateway.sendMessage, (Wire.interoperable(b.id, BOB), "", new bytes[](0)))
        );
        vm.assertFalse(ok, "taken");
        vm.assertEq(reason, abi.encodeWithSelector(IGateway.ValueNotSupported.selector), "reason");
    }

    function test_routesThatContradict() public {
        Route memory route = _freeRoute(address(b.gateway));
        route.kinds = 8;
        _refuseRoute(b.id, route);
        route.kinds = 0;
        _refuseRoute(b.id, route);
        route.kinds = 1;
        route.bytesMax = 32_769;
        _refuseRoute(b.id, route);
        route.bytesMax = 1;
        _refuseRoute(0, route);
        _refuseRoute(a.id, route);
        _route(a, b, route);
        vm.assertEq(abi.encode(a.gateway.routeTo(b.id)), abi.encode(route), "kept");
    }

    function _refuseRoute(uint64 chainId, Route memory route) private {
        _on(a, ROUTE_ADMIN);
        vm.expectRevert(IGateway.RouteInvalid.selector);
        a.gateway.setRoute(chainId, route);
    }

    function _refuseRecipient(bytes memory recipient) private {
        vm.chainId(a.id);
        vm.expectRevert(IGateway.RecipientMalformed.selector);
        a.gateway.sendMessage(recipient, "", new bytes[](0));
    }

    function _refuseAttribute(bytes memory attribute, bytes4 reason) private {
        _refuse(b.id, "", _with(attribute), reason);
    }

    function _refuse(uint64 chainId, bytes memory payload, bytes[] memory attributes, bytes4 reason) private {
        bytes memory call =
            abi.encodeCall(a.gateway.sendMessage, (Wire.interoperable(chainId, BOB), payload, attributes));
        _on(a, ALICE);
        (bool ok, bytes memory answer) = address(a.gateway).call(call);
        vm.assertFalse(ok, "sent");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(reason), "reason");
    }
}
