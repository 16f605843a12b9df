// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IEra} from "../../src/interfaces/IEra.sol";
import {IEraBridge} from "../../src/interfaces/IEraBridge.sol";
import {Direction, Route, Status} from "../../src/interfaces/IGateway.sol";
import {ValueHome} from "../support/ValueHome.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {Deployer} from "../support/World.sol";

/// @title $ERA from chain to chain: what leaves, what it costs, what is refused at the door
contract EraBridgeTest is ValueHome {
    uint256 private constant OWNER_SECRET = 0x0123;

    function setUp() public {
        _setUpValue();
    }

    /// @dev Out and home again by another way: every unit is where it was sent, and the supply is one.
    function test_valueTravelsInACircle() public {
        _deliver(hub, a, _transfer(hub, a, ALICE, 1_000 ether));
        vm.assertEq(a.era.balanceOf(ALICE), 1_000 ether, "minted");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
        _deliver(a, b, _transfer(a, b, ALICE, 600 ether));
        vm.assertEq(b.era.balanceOf(ALICE), 600 ether, "and on");
        vm.assertEq(a.era.balanceOf(ALICE), 400 ether - FEE, "amount and fee left");
        _deliver(b, hub, _transfer(b, hub, BOB, 500 ether));
        vm.assertEq(hub.era.balanceOf(BOB), 500 ether, "home");
        vm.assertEq(_supplies(), SUPPLY, "still one supply");
    }

    /// @dev The message is exactly what attesters judge by; its payer is the user, although the bridge is the caller.
    function testFuzz_whatIsSentIsWhatWasBurnt(address to, uint256 amount) public {
        vm.assume(to != address(0));
        amount = 1 + amount % (2 * uint256(CAP));
        uint256 before = hub.era.balanceOf(ALICE);
        Sent memory sent = _transfer(hub, a, to, amount);
        vm.assertEq(sent.payload, abi.encode(hub.era, ALICE, amount, to), "payload");
        vm.assertEq(sent.kind, 1, "kind");
        vm.assertEq(sent.sender, address(bridgeOf[hub.id]), "sender");
        vm.assertEq(sent.recipient, address(bridgeOf[a.id]), "recipient");
        vm.assertEq(sent.payer, ALICE, "payer");
        vm.assertEq(sent.fee, FEE, "fee");
        vm.assertEq(before - hub.era.balanceOf(ALICE), amount + FEE, "taken from the caller");
        vm.assertEq(hub.era.totalSupply(), SUPPLY - amount, "burnt");
        vm.assertEq(hub.era.balanceOf(address(bridgeOf[hub.id])), 0, "the bridge keeps nothing");
    }

    function test_theTokenLogsTheBurnBeforeTheMessage() public {
        _approveFee(ALICE, hub);
        _on(hub, ALICE);
        vm.expectEmit(true, true, true, true, address(hub.era));
        emit CrosschainBurn(ALICE, 5 ether, address(bridgeOf[hub.id]));
        bridgeOf[hub.id].transfer(a.id, BOB, 5 ether);
    }

    event CrosschainBurn(address indexed from, uint256 amount, address indexed sender);

    function test_quoteIsWhatIsTaken() public {
        Route memory route = _freeRoute(address(a.gateway));
        (route.feeBase, route.feePerByte, route.feePerGas) = (5, 7, 11);
        _route(hub, a, route);
        _on(hub, ALICE);
        uint256 fee = bridgeOf[hub.id].quote(a.id, BOB, 1 ether);
        Sent memory sent = _transfer(hub, a, BOB, 1 ether);
        vm.assertEq(fee, sent.fee, "fee");
        vm.assertEq(fee, 5 + 128 * 7 + uint256(sent.gasLimit) * 11, "as the route says");
    }

    /// @dev Nobody's $ERA is spent but the caller's, and no more of it than it approved.
    function test_StrangersEra_feeIsTakenFromTheBridgesCaller() public {
        _approveFee(ALICE, hub);
        _on(hub, BOB);
        vm.expectRevert();
        bridgeOf[hub.id].transfer(a.id, BOB, 1 ether);
        _mint(hub, BOB, 1 ether + FEE);
        _on(hub, BOB);
        hub.era.approve(address(bridgeOf[hub.id]), FEE - 1);
        _on(hub, BOB);
        vm.expectRevert();
        bridgeOf[hub.id].transfer(a.id, BOB, 1 ether);
        vm.assertEq(hub.era.balanceOf(BOB), 1 ether + FEE, "nothing taken");
    }

    /// @dev Qubit: a token that is not there "succeeds". Here it is the chain's one token, and nothing is sent that is not burnt.
    function test_ZeroAddress_nothingIsSentThatIsNotBurnt() public {
        _mint(hub, BOB, FEE);
        _approveFee(BOB, hub);
        _on(hub, BOB);
        vm.expectRevert();
        bridgeOf[hub.id].transfer(a.id, BOB, 1 ether);
        (uint64 count,) = hub.gateway.lane(a.id, address(a.gateway));
        vm.assertEq(count, leavesOf[address(hub.gateway)][address(a.gateway)].length, "nothing sent");
    }

    function test_permitApprovesTheFee() public {
        address owner = vm.addr(OWNER_SECRET);
        _mint(hub, owner, 10 ether);
        vm.chainId(hub.id);
        (uint8 v, bytes32 r, bytes32 s) = _permit(owner);
        // Somebody who saw the signature used it first.
        IEra(address(hub.era)).permit(owner, address(bridgeOf[hub.id]), FEE, START, v, r, s);
        _on(hub, owner);
        bridgeOf[hub.id].transferWithPermit(a.id, BOB, 2 ether, FEE, START, v, r, s);
        vm.assertEq(hub.era.balanceOf(owner), 8 ether - FEE, "sent");
        (v, r, s) = _permit(owner);
        _on(hub, owner);
        bridgeOf[hub.id].transferWithPermit(a.id, BOB, 2 ether, FEE, START, v, r, s);
        vm.assertEq(hub.era.balanceOf(owner), 6 ether - 2 * FEE, "and again");
    }

    function test_whatWouldBeVoidIsRefused() public {
        _approveFee(ALICE, hub);
        _refuseTransfer(a.id, address(0), 1, abi.encodeWithSelector(IEraBridge.RecipientMissing.selector));
        uint256 max = 2 * uint256(CAP);
        _refuseTransfer(a.id, BOB, 0, abi.encodeWithSelector(IEraBridge.AmountOutOfRange.selector, 0, max));
        bytes memory above = abi.encodeWithSelector(IEraBridge.AmountOutOfRange.selector, max + 1, max);
        _refuseTransfer(a.id, BOB, max + 1, above);
        // No route, so no value passes; the hub itself is none.
        _refuseTransfer(777, BOB, 1, abi.encodeWithSelector(IEraBridge.AmountOutOfRange.selector, 1, 0));
        _refuseTransfer(hub.id, BOB, 1, abi.encodeWithSelector(IEraBridge.AmountOutOfRange.selector, 1, 0));
    }

    /// @dev Without a row at both ends the message would be void, and before the ledger is open a burn would break it.
    function test_sentOnlyBetweenModulesInForce() public {
        _approveFee(ALICE, hub);
        _on(hub, GOVERNOR);
        registry.setModule(0, 0, a.id, address(bridgeOf[a.id]));
        _refuseTransfer(a.id, BOB, 1, abi.encodeWithSelector(IEraBridge.NoCounterpart.selector, a.id));
        _on(hub, GOVERNOR);
        registry.setModule(0, 0, hub.id, address(bridgeOf[hub.id]));
        _refuseTransfer(b.id, BOB, 1, abi.encodeWithSelector(IEraBridge.NoCounterpart.selector, hub.id));
    }

    function test_frozenBridgeSendsNothing() public {
        _approveFee(ALICE, hub);
        _on(hub, GUARDIAN);
        hub.gateway.freeze(Direction.Outbound);
        _on(hub, ALICE);
        vm.expectRevert();
        bridgeOf[hub.id].transfer(a.id, BOB, 1);
        vm.assertEq(hub.era.totalSupply(), SUPPLY, "nothing burnt");
    }

    /// @dev The token's only minter can be no other contract.
    function test_deploymentNeedsItsToken() public {
        vm.chainId(hub.id);
        Deployer deployer = new Deployer();
        bytes memory code = vm.getCode("EraBridge.sol:EraBridge");
        vm.expectRevert(abi.encodeWithSelector(IEraBridge.NotTheTokensBridge.selector, bridgeOf[hub.id]));
        deployer.deploy(abi.encodePacked(code, abi.encode(hub.gateway, uint32(1), CAP, WINDOW)));
    }

    // ---- What arrives ----

    /// @dev Above the cap a transfer fails, stays, and passes when the bucket has filled again; other origins are not slowed.
    function test_InboundCap_aboveItFailsAndIsRetried() public {
        Sent memory first = _transfer(hub, a, BOB, CAP - 1 ether);
        Sent memory second = _transfer(hub, a, BOB, CAP / 2);
        _deliver(hub, a, first);
        _deliver(hub, a, second);
        vm.assertTrue(_statusOf(second) == Status.Failed, "above the cap");
        vm.assertEq(a.era.balanceOf(BOB), CAP - 1 ether, "not minted");
        vm.chainId(a.id);
        vm.assertEq(bridgeOf[a.id].inboundAvailable(hub.id), 1 ether, "left");
        vm.assertEq(bridgeOf[a.id].inboundAvailable(b.id), CAP, "another origin's");
        vm.assertFalse(_retry(second), "still above");
        _pass(WINDOW);
        vm.assertTrue(_retry(second), "retried");
        vm.assertEq(a.era.balanceOf(BOB), CAP - 1 ether + CAP / 2, "minted");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
    }

    /// @dev The hub can close one origin and leave the others open, and nobody else can.
    function test_InboundCap_isSetByTheHubAlone() public {
        bytes memory call = abi.encodeCall(IEraBridge.setInboundCap, (hub.id, 1 ether, 1 days));
        _callBridge(a, call);
        _deliver(hub, a, _transfer(hub, a, BOB, 1 ether + 1));
        vm.assertEq(a.era.balanceOf(BOB), 0, "closed");
        vm.assertEq(bridgeOf[a.id].inboundAvailable(b.id), CAP, "open to others");
        _callBridge(a, abi.encodeCall(IEraBridge.setInboundCap, (0, 5, 1 days)));
        vm.assertEq(bridgeOf[a.id].inboundAvailable(b.id), 5, "default");
        vm.assertEq(bridgeOf[a.id].inboundAvailable(hub.id), 1 ether, "its own");
        _on(a, address(a.agent));
        vm.expectRevert(IEraBridge.CapInvalid.selector);
        bridgeOf[a.id].setInboundCap(0, 5, 0);
    }

    function _callBridge(Chain memory on, bytes memory call) private {
        _allSent();
        _on(hub, GOVERNOR);
        registry.callModule(on.id, address(bridgeOf[on.id]), call);
        _deliverAll(_allSent());
    }

    /// @dev Whoever is not the gateway, or not this module at the origin, mints nothing.
    function testFuzz_MintTwice_onlyTheGatewayForTheModule(address caller, address sender, uint64 chainId) public {
        vm.assume(caller != address(a.gateway) && chainId != 0);
        bytes memory payload = abi.encode(hub.era, ALICE, 1 ether, BOB);
        bytes memory from = Wire.interoperable(hub.id, address(bridgeOf[hub.id]));
        _on(a, caller);
        vm.expectRevert();
        bridgeOf[a.id].receiveMessage(0, from, payload);
        _on(a, caller);
        vm.expectRevert(abi.encodeWithSelector(IEraBridge.NotAllowed.selector, caller));
        bridgeOf[a.id].onReclaim(0, hub.id, address(bridgeOf[hub.id]), payload);
        vm.assume(sender != address(bridgeOf[chainId]));
        _on(a, address(a.gateway));
        vm.expectRevert();
        bridgeOf[a.id].receiveMessage(0, Wire.interoperable(chainId, sender), payload);
        vm.assertEq(a.era.totalSupply(), 0, "nothing minted");
    }

    function testFuzz_onlyExactTransfersArrive(bytes calldata junk, uint256 dirt) public {
        vm.assume(junk.length != 128 && dirt >> 160 != 0);
        _arrive(junk, false);
        _arrive(abi.encode(dirt, ALICE, 1, BOB), false);
        _arrive(abi.encode(hub.era, dirt, 1, BOB), false);
        _arrive(abi.encode(hub.era, ALICE, 1, dirt), false);
        _arrive(abi.encode(hub.era, ALICE, 1, BOB, 0), false);
        _arrive(abi.encode(hub.era, ALICE, 1, address(0)), false);
        // The token is the origin's, which another chain cannot know.
        _arrive(abi.encode(address(0x707e), ALICE, 1, BOB), true);
    }

    function _arrive(bytes memory payload, bool taken) private {
        bytes memory from = Wire.interoperable(hub.id, address(bridgeOf[hub.id]));
        _on(a, address(a.gateway));
        (bool ok,) = address(bridgeOf[a.id]).call(abi.encodeCall(bridgeOf[a.id].receiveMessage, (0, from, payload)));
        vm.assertTrue(ok == taken, "taken");
    }

    function _refuseTransfer(uint64 to, address receiver, uint256 amount, bytes memory reason) private {
        _on(hub, ALICE);
        vm.expectRevert(reason);
        bridgeOf[hub.id].transfer(to, receiver, amount);
    }

    function _permit(address owner) private view returns (uint8 v, bytes32 r, bytes32 s) {
        IEra era = IEra(address(hub.era));
        bytes32 permit = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 content =
            keccak256(abi.encode(permit, owner, bridgeOf[hub.id], uint256(FEE), era.nonces(owner), uint256(START)));
        return vm.sign(OWNER_SECRET, keccak256(abi.encodePacked(hex"1901", era.DOMAIN_SEPARATOR(), content)));
    }
}
