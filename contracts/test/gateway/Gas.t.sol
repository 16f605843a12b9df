// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {Commitment, IGateway} from "../../src/interfaces/IGateway.sol";
import {AttesterSetFixture} from "../support/AttesterSetFixture.sol";
import {IdleRecipient} from "../support/Recipients.sol";
import {Table, Tables} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";
import {Sent, Wire} from "../support/Wire.sol";
import {Deployer} from "../support/World.sol";

/// @title What a delivered message costs, and the limits that hold
/// @dev As receipts say it: the one transaction with base, calldata and its floor (EIP-7623), `accept`, quorum check and
/// deliveries. 350 keys, a tenth of the attesters absent, their sum remembered; an origin of 61 lanes; payloads of 200 random
/// bytes that are not zero, distinct senders, a recipient that does nothing. Each call is a transaction of its own.
/// forge-config: default.isolate = true
contract GatewayGasTest is AttesterSetFixture {
    uint256 private constant ALONE_LIMIT = 210_000;
    uint256 private constant BATCH_32_LIMIT = 16_000;
    uint256 private constant BATCH_128_LIMIT = 11_500;
    uint64 private constant ORIGIN_CHAIN = 902;
    uint64 private constant CHAIN = 903;
    address private constant ORIGIN = address(0x0123456789abcDEF0123456789abCDef01234567);

    IGateway private gateway;
    address private idle;
    bytes private bitmap;
    bytes32[] private leaves;

    function setUp() public {
        _setUpBls();
        Table memory members = Tables.random(FIRST_EPOCH, 350, 20_260_801);
        IAttesterSet set = _deployLoaded(members);
        bytes memory present = _none(members);
        for (uint256 i = 0; i < 350; ++i) {
            if (i % 10 != 9) _add(present, i);
        }
        bitmap = present;
        set.verify(DIGEST, _proof(members, bitmap, DIGEST));
        vm.chainId(CHAIN);
        idle = address(new IdleRecipient());
        address era = vm.deployCode("EraToken.sol:EraToken", abi.encode(HUB_CHAIN, this, this));
        IGateway.Config memory config = IGateway.Config({
            network: NETWORK,
            hubChainId: HUB_CHAIN,
            hubGateway: HUB_GATEWAY,
            hubRegistry: address(0x4e61),
            hubAgent: HUB_AGENT,
            attesterSet: address(set),
            era: era,
            routeAdmin: address(0x40),
            guardian: address(0x60),
            council: COUNCIL,
            unfreezeDelay: 2 days
        });
        gateway = IGateway(vm.deployCode("Gateway.sol:Gateway", abi.encode(config)));
    }

    function test_Gas_delivery() public {
        uint256 fresh = _deliverNext(1);
        vm.snapshotValue("Gateway", "1 message, the first of 256", fresh);
        uint256 alone = _deliverNext(1);
        vm.snapshotValue("Gateway", "1 message", alone);
        uint256 each32 = _deliverNext(32) / 32;
        vm.snapshotValue("Gateway", "32 messages, each", each32);
        uint256 each128 = _deliverNext(128) / 128;
        vm.snapshotValue("Gateway", "128 messages, each", each128);
        vm.assertLe(alone, ALONE_LIMIT, "alone");
        vm.assertLe(each32, BATCH_32_LIMIT, "32");
        vm.assertLe(each128, BATCH_128_LIMIT, "128");
    }

    /// @dev The next `length` messages of the lane, accepted and delivered in one transaction.
    function _deliverNext(uint256 length) private returns (uint256) {
        uint64 first = uint64(leaves.length);
        bytes memory items;
        for (uint256 i = 0; i < length; ++i) {
            Sent memory sent = _message(uint64(leaves.length));
            leaves.push(Wire.id(sent));
            items = abi.encodePacked(items, Wire.item(sent));
        }
        (Commitment memory commitment, bytes32[] memory laneProof) = _commitment();
        Table memory members = Tables.random(FIRST_EPOCH, 350, 20_260_801);
        bytes memory proof = _proof(members, bitmap, Wire.digest(commitment));
        bytes memory range = Wire.rangeProof(leaves, first, length);
        uint64 count = uint64(leaves.length);
        bytes memory call =
            abi.encodeCall(gateway.acceptAndDeliver, (commitment, proof, laneProof, count, first, items, range));
        (bool ok, bytes memory reason) = address(gateway).call(call);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.assertTrue(ok, vm.toString(reason));
        uint256 floor = _floor(call);
        return used > floor ? used : floor;
    }

    /// @dev Of an origin with 60 other lanes: six siblings.
    function _commitment() private view returns (Commitment memory commitment, bytes32[] memory laneProof) {
        laneProof = new bytes32[](6);
        uint64 count = uint64(leaves.length);
        bytes32 root = Wire.laneRoot(leaves);
        bytes32 lanesRoot = Wire.laneLeaf(CHAIN, address(gateway), count, root);
        for (uint256 i = 0; i < laneProof.length; ++i) {
            laneProof[i] = keccak256(abi.encode("sibling", i));
            lanesRoot = Wire.pair(lanesRoot, laneProof[i]);
        }
        commitment = Commitment({
            version: 1,
            network: NETWORK,
            originChainId: ORIGIN_CHAIN,
            originGateway: ORIGIN,
            blockNumber: 1_000 + count,
            blockHash: keccak256("a block"),
            lanesRoot: lanesRoot,
            factsRoot: keccak256("facts")
        });
    }

    function _message(uint64 sequence) private view returns (Sent memory sent) {
        (sent.originChainId, sent.originGateway) = (ORIGIN_CHAIN, ORIGIN);
        (sent.destinationChainId, sent.destinationGateway) = (CHAIN, address(gateway));
        (sent.sequence, sent.gasLimit, sent.recipient) = (sequence, 200_000, idle);
        sent.sender = address(uint160(uint256(keccak256(abi.encode("sender", sequence)))));
        sent.payer = sent.sender;
        sent.payload = new bytes(200);
        for (uint256 i = 0; i < 200; ++i) {
            sent.payload[i] = bytes1(uint8(1 + uint256(keccak256(abi.encode(sequence, i))) % 255));
        }
    }

    /// @dev The least a transaction with this calldata costs (EIP-7623).
    function _floor(bytes memory call) private pure returns (uint256 gas) {
        gas = 21_000;
        for (uint256 i = 0; i < call.length; ++i) {
            gas += call[i] == 0 ? 10 : 40;
        }
    }
}
