// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IEraBridge} from "../../src/interfaces/IEraBridge.sol";
import {ValueHome} from "../support/ValueHome.sol";
import {vm} from "../support/Vm.sol";
import {Sent} from "../support/Wire.sol";

/// @dev The faulty bridge as tests see it.
interface IFaultyModule is IEraBridge {
    function setReclaimBroken(bool broken) external;
    function sendUndecodable(uint64 destinationChainId, uint256 amount) external;
    function sendWithoutBurn(uint64 destinationChainId, address to, uint256 amount) external;
    function sendOtherToken(uint64 destinationChainId, address token, address to, uint256 amount) external;
    function sendTwice(uint64 destinationChainId, address to, uint256 amount) external;
    function sendAboveMax(uint64 destinationChainId, address to, uint256 amount) external;
}

/// @title What the development networks' dishonest bridge sends, and that no value is made or lost once it was judged void
contract FaultyModuleTest is ValueHome {
    uint256 private constant AMOUNT = 10 ether;

    IFaultyModule private faulty;
    uint256 private rich;

    function setUp() public {
        _setUpValue();
        faulty = IFaultyModule(address(bridgeOf[a.id]));
        _deliver(hub, a, _transfer(hub, a, ALICE, 1_000 ether));
        _approveFee(ALICE, a);
        rich = 1_000 ether;
    }

    function _bridgeCode(uint64 id) internal pure override returns (string memory) {
        return id == 902 ? "FaultyModule.sol:FaultyModule" : "EraBridge.sol:EraBridge";
    }

    function test_undecodable() public {
        Sent memory sent = _sendFaulty(abi.encodeCall(faulty.sendUndecodable, (b.id, AMOUNT)));
        vm.assertEq(sent.payload.length, 52, "no transfer");
        _voidComesHome(sent, AMOUNT);
    }

    function test_withoutBurn() public {
        Sent memory sent = _sendFaulty(abi.encodeCall(faulty.sendWithoutBurn, (b.id, BOB, AMOUNT)));
        vm.assertEq(sent.payload, abi.encode(a.era, ALICE, AMOUNT, BOB), "like a transfer");
        _voidComesHome(sent, 0);
    }

    function test_otherToken() public {
        Sent memory sent = _sendFaulty(abi.encodeCall(faulty.sendOtherToken, (b.id, address(this), BOB, AMOUNT)));
        _voidComesHome(sent, AMOUNT);
    }

    function test_aboveMax() public {
        for (uint256 i = 0; i < 3; ++i) {
            _pass(WINDOW);
            _deliver(hub, a, _transfer(hub, a, ALICE, CAP));
        }
        uint256 tooMuch = 2 * uint256(CAP) + 1;
        _voidComesHome(_sendFaulty(abi.encodeCall(faulty.sendAboveMax, (b.id, BOB, tooMuch))), tooMuch);
        _voidComesHome(_sendFaulty(abi.encodeCall(faulty.sendAboveMax, (b.id, BOB, 0))), 0);
    }

    /// @dev The first is valid and arrives; the second is void, and nothing was burnt for it.
    function test_twiceForOneBurn() public {
        _allSent();
        _on(a, ALICE);
        faulty.sendTwice(b.id, BOB, AMOUNT);
        Sent[] memory sent = _allSent();
        vm.assertEq(sent.length, 2, "two messages");
        vm.assertEq(sent[0].payload, sent[1].payload, "alike");
        vm.assertEq(a.era.balanceOf(ALICE), rich - AMOUNT - 2 * FEE, "one burn");
        _deliver(a, b, sent[0]);
        _judge(sent[1]);
        vm.assertTrue(_reclaimVoid(sent[1]), "reclaimed");
        vm.assertEq(a.era.balanceOf(ALICE), rich - AMOUNT - FEE, "the fee alone");
        vm.assertEq(b.era.balanceOf(BOB), AMOUNT, "once");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
    }

    /// @dev The fee does not wait for a module that fails; the value comes later.
    function test_brokenReclaim() public {
        Sent memory sent = _sendFaulty(abi.encodeCall(faulty.sendUndecodable, (b.id, AMOUNT)));
        _judge(sent);
        faulty.setReclaimBroken(true);
        vm.assertTrue(_reclaimVoid(sent), "fee");
        vm.assertEq(a.era.balanceOf(ALICE), rich - AMOUNT, "fee alone");
        vm.assertFalse(_reclaimVoid(sent), "nothing more");
        faulty.setReclaimBroken(false);
        vm.assertTrue(_reclaimVoid(sent), "value");
        vm.assertEq(a.era.balanceOf(ALICE), rich, "all");
    }

    /// @dev It is an honest bridge too.
    function test_honestTransfer() public {
        _deliver(a, b, _transfer(a, b, BOB, AMOUNT));
        vm.assertEq(b.era.balanceOf(BOB), AMOUNT, "arrived");
        _voidComesHome(_transfer(a, b, BOB, 1 ether), 1 ether);
    }

    function _sendFaulty(bytes memory call) private returns (Sent memory) {
        _allSent();
        _on(a, ALICE);
        (bool ok,) = address(faulty).call(call);
        vm.assertTrue(ok, "sent");
        return _lastSent(a, b);
    }

    function _voidComesHome(Sent memory sent, uint256 burnt) private {
        uint256 before = a.era.balanceOf(ALICE);
        _judge(sent);
        vm.assertTrue(_reclaimVoid(sent), "reclaimed");
        vm.assertEq(a.era.balanceOf(ALICE), before + burnt + FEE, "what was burnt, and the fee");
        vm.assertEq(_supplies(), SUPPLY, "one supply");
    }
}
