// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Status} from "../../src/interfaces/IGateway.sol";
import {ValueHome} from "../support/ValueHome.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";

/// @title Anybody moving $ERA between three chains in any order, and attesters who find a third of it void
/// @dev What the contracts refuse is fine; what must hold is checked below.
contract Traders is ValueHome {
    struct Moved {
        Sent message;
        uint256 amount;
        bool isVoid;
        bool refused;
    }

    Moved[] private moved;
    Sent[] private refusals;

    constructor() {
        _setUpValue();
        _deliver(hub, a, _transfer(hub, a, ALICE, CAP / 2));
        _deliver(hub, b, _transfer(hub, b, ALICE, CAP / 2));
    }

    /// @dev Up to one and a half times what the destination's cap lets in at once.
    function send(uint8 lane, uint256 amount, uint8 verdict) external {
        (Chain memory from, Chain memory to) = _lane(lane);
        amount = 1 + amount % (3 * uint256(CAP) / 2);
        if (from.era.balanceOf(ALICE) < amount + FEE) return;
        Moved storage entry = moved.push();
        entry.message = _transfer(from, to, BOB, amount);
        entry.amount = amount;
        if (verdict % 3 != 0) return;
        entry.isVoid = true;
        _judge(entry.message);
    }

    /// @dev What BOB got, he gives back, so that there is always something to send.
    function giveBack(uint8 lane) external {
        (Chain memory on,) = _lane(lane);
        uint256 amount = on.era.balanceOf(BOB);
        _on(on, BOB);
        on.era.transfer(ALICE, amount);
    }

    function deliver(uint256 which) external {
        if (moved.length == 0) return;
        Moved storage entry = moved[which % moved.length];
        Sent memory message = entry.message;
        bytes memory item = entry.isVoid ? Wire.voidItem(Wire.id(message)) : Wire.item(message);
        _deliver(_chain(message.originChainId), _chain(message.destinationChainId), message.sequence, 1, item);
    }

    function retry(uint256 which, uint16 minutes_) external {
        if (moved.length == 0) return;
        _pass(uint256(minutes_) * 1 minutes);
        _retry(moved[which % moved.length].message);
    }

    function refuse(uint256 which) external {
        if (moved.length == 0) return;
        _pass(3 days);
        Moved storage entry = moved[which % moved.length];
        (bool refused, Sent memory refusal) = _refuse(entry.message);
        if (!refused) return;
        entry.refused = true;
        refusals.push(refusal);
    }

    function takeHome(uint256 which) external {
        if (refusals.length == 0) return;
        Sent memory refusal = refusals[which % refusals.length];
        _deliver(_chain(refusal.originChainId), _chain(refusal.destinationChainId), refusal);
    }

    function reclaim(uint256 which) external {
        if (moved.length != 0) _reclaim(moved[which % moved.length].message);
    }

    function reclaimVoid(uint256 which) external {
        if (moved.length != 0) _reclaimVoid(moved[which % moved.length].message);
    }

    /// @dev A cap may close an origin or open it wide.
    function setCap(uint8 lane, uint208 capacity) external {
        (Chain memory from, Chain memory to) = _lane(lane);
        _on(to, address(to.agent));
        bridgeOf[to.id].setInboundCap(from.id, capacity % (2 * CAP), WINDOW);
    }

    function check() external view {
        uint256 underWay;
        for (uint256 i = 0; i < moved.length; ++i) {
            Moved storage entry = moved[i];
            (bool given,) = _chain(entry.message.originChainId).gateway.reclaimed(Wire.id(entry.message));
            bool delivered = _statusOf(entry.message) == Status.Settled && !entry.isVoid && !entry.refused;
            vm.assertFalse(given && delivered, "delivered or given back, never both");
            vm.assertFalse(given && !entry.isVoid && !entry.refused, "given back for a reason");
            if (!given && !delivered) underWay += entry.amount;
        }
        vm.assertEq(_supplies() + underWay, SUPPLY, "supplies and what is under way are the supply");
        _checkBridges();
    }

    function _checkBridges() private view {
        uint256 held = hub.era.balanceOf(address(bridgeOf[hub.id])) + a.era.balanceOf(address(bridgeOf[a.id]))
            + b.era.balanceOf(address(bridgeOf[b.id]));
        vm.assertEq(held, 0, "the bridges hold nothing");
    }

    function _lane(uint8 lane) private view returns (Chain memory, Chain memory) {
        Chain[3] memory all = [hub, a, b];
        uint256 from = lane % 3;
        return (all[from], all[(from + 1 + lane / 3 % 2) % 3]);
    }
}

contract SupplyTest {
    Traders private traders;

    function setUp() public {
        traders = new Traders();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(traders);
    }

    /// @dev I4: what is on the chains, and what was sent and has neither arrived nor come home, is the whole supply.
    function invariant_oneSupplyOverAllChains() public view {
        traders.check();
    }
}
