// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IModule} from "../../src/interfaces/IModule.sol";

/// @dev Remembers what it was called with, and does as it is told.
contract Recipient {
    enum Mood {
        Accept,
        Revert,
        EatGas,
        Bomb,
        WrongAnswer,
        ShortAnswer
    }

    Mood public mood;
    uint256 public calls;
    bytes32 public lastId;
    bytes public lastSender;
    bytes public lastPayload;
    address public lastCaller;
    uint256 public lastGas;
    mapping(bytes32 id => uint256) public callsOf;

    error NotInTheMood();

    function set(Mood mood_) external {
        mood = mood_;
    }

    function receiveMessage(bytes32 id, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4)
    {
        lastGas = gasleft();
        if (mood == Mood.Revert) revert NotInTheMood();
        if (mood == Mood.EatGas) {
            while (true) {}
        }
        if (mood == Mood.Bomb) {
            assembly {
                return(0, 100000)
            }
        }
        ++calls;
        ++callsOf[id];
        (lastId, lastSender, lastPayload, lastCaller) = (id, sender, payload, msg.sender);
        if (mood == Mood.WrongAnswer) return 0xdeadbeef;
        if (mood == Mood.ShortAnswer) {
            assembly {
                mstore(0, shl(224, 0x2432ef26))
                return(0, 31)
            }
        }
        return this.receiveMessage.selector;
    }
}

/// @dev Takes every message and does nothing: what gas is measured with.
contract IdleRecipient {
    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        return this.receiveMessage.selector;
    }
}

/// @dev Calls back into the gateway while it is being delivered to.
contract Reenterer {
    IGateway private immutable gateway;
    bytes private call_;
    bool public reached;
    bytes4 public refusal;

    constructor(IGateway gateway_) {
        gateway = gateway_;
    }

    function set(bytes calldata call__) external {
        call_ = call__;
    }

    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        bytes memory answer;
        (reached, answer) = address(gateway).call(call_);
        refusal = bytes4(answer);
        return this.receiveMessage.selector;
    }
}

/// @dev A module that counts what it gave back, and can refuse to.
contract ReclaimModule is IModule {
    bool public broken;
    uint256 public given;
    mapping(bytes32 id => uint256) public givenOf;
    bytes public lastPayload;

    function set(bool broken_) external {
        broken = broken_;
    }

    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        if (broken) revert();
        return this.receiveMessage.selector;
    }

    function onReclaim(bytes32 id, uint64, address, bytes calldata payload) external returns (bytes4) {
        if (broken) revert();
        ++given;
        ++givenOf[id];
        lastPayload = payload;
        return this.onReclaim.selector;
    }
}
