// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Commitment, IGateway, Route} from "../../src/interfaces/IGateway.sol";
import {Act, IHubAgent} from "../../src/interfaces/IHubAgent.sol";
import {Log, Logs, vmLogs} from "./Logs.sol";
import {MockAttesterSet} from "./MockAttesterSet.sol";
import {vm} from "./Vm.sol";
import {Sent, Wire} from "./Wire.sol";

/// @dev Contracts created by a fresh account, so that their addresses are known before: nonce 1 the gateway, nonce 2 the agent.
contract Deployer {
    /// @dev The address of what is created at a nonce below 128 (RLP).
    function addressAt(uint8 nonce) external view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), nonce)))));
    }

    function deploy(bytes memory code) external returns (address created) {
        assembly {
            created := create(0, add(code, 32), mload(code))
        }
        if (created == address(0)) {
            assembly {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}

interface IBridgeable {
    function crosschainMint(address to, uint256 amount) external;
}

/// @title Several chains in one EVM, and attesters who sign whatever the test says
/// @dev Each call to a chain's contracts goes through `_on`, which sets the chain id.
abstract contract World {
    using Logs for Log[];

    struct Chain {
        uint64 id;
        IGateway gateway;
        IHubAgent agent;
        MockAttesterSet attesters;
        IERC20 era;
    }

    /// @dev The arguments of the gateway's own attribute.
    struct SentAttribute {
        bytes32 id;
        uint64 sequence;
        address destinationGateway;
        uint8 kind;
        uint32 gasLimit;
        address payer;
        uint128 fee;
        uint64 after_;
    }

    bytes32 internal constant NETWORK = keccak256("a network");
    address internal constant REGISTRY = address(0x4e61);
    address internal constant ROUTE_ADMIN = address(0x40);
    address internal constant GUARDIAN = address(0x60);
    address internal constant COUNCIL = address(0xc0);
    address internal constant ALICE = address(0xa11ce);
    address internal constant EXECUTOR = address(0xe8ec);
    uint64 internal constant UNFREEZE_DELAY = 2 days;
    uint64 internal constant START = 1_800_000_000;
    uint32 internal constant GAS = 200_000;

    Chain internal hub;
    Chain internal a;
    Chain internal b;

    /// @dev The leaves of each lane as attesters would have them, by (origin gateway, destination gateway).
    mapping(address => mapping(address => bytes32[])) internal leavesOf;
    uint64 private _height;

    function _setUpWorld() internal {
        vm.warp(START);
        hub = _newChain(901, address(0));
        a = _newChain(902, address(hub.gateway));
        b = _newChain(0x0b0b0b, address(hub.gateway));
    }

    function _newChain(uint64 id, address hubGateway) internal virtual returns (Chain memory chain) {
        vm.chainId(id);
        chain.id = id;
        chain.attesters = new MockAttesterSet();
        chain.era =
            IERC20(vm.deployCode("EraToken.sol:EraToken", abi.encode(uint64(901), address(this), address(this))));
        (chain.gateway, chain.agent) = _deployPair(_config(hubGateway, address(chain.attesters), address(chain.era)));
    }

    /// @dev Gateway and agent that know each other; a hub gateway of zero means the new one itself.
    function _deployPair(IGateway.Config memory config) internal returns (IGateway gateway, IHubAgent agent) {
        Deployer deployer = new Deployer();
        address predicted = deployer.addressAt(1);
        config.hubAgent = deployer.addressAt(2);
        if (config.hubGateway == address(0)) config.hubGateway = predicted;
        gateway = IGateway(deployer.deploy(abi.encodePacked(vm.getCode("Gateway.sol:Gateway"), abi.encode(config))));
        bytes memory arguments = abi.encode(gateway, config.attesterSet, config.hubChainId, config.hubRegistry);
        agent = IHubAgent(deployer.deploy(abi.encodePacked(vm.getCode("HubAgent.sol:HubAgent"), arguments)));
    }

    /// @dev Who sends Governance.
    function _registry() internal view virtual returns (address) {
        return REGISTRY;
    }

    function _network() internal view virtual returns (bytes32) {
        return NETWORK;
    }

    function _config(address hubGateway, address attesterSet, address era)
        internal
        view
        returns (IGateway.Config memory)
    {
        return IGateway.Config({
            network: _network(),
            hubChainId: 901,
            hubGateway: hubGateway,
            hubRegistry: _registry(),
            hubAgent: address(0),
            attesterSet: attesterSet,
            era: era,
            routeAdmin: ROUTE_ADMIN,
            guardian: GUARDIAN,
            council: COUNCIL,
            unfreezeDelay: UNFREEZE_DELAY
        });
    }

    /// @dev A route for everything, at no cost.
    function _freeRoute(address gateway) internal pure returns (Route memory) {
        return Route({
            gateway: gateway,
            kinds: 7,
            bytesMax: 32_768,
            gasMax: 20_000_000,
            valueMax: type(uint128).max,
            feeBase: 0,
            feePerByte: 0,
            feePerGas: 0
        });
    }

    function _route(Chain memory from, Chain memory to, Route memory route) internal {
        _on(from, ROUTE_ADMIN);
        from.gateway.setRoute(to.id, route);
    }

    function _openRoute(Chain memory from, Chain memory to) internal {
        _route(from, to, _freeRoute(address(to.gateway)));
    }

    /// @dev The next call is on this chain, by this caller.
    function _on(Chain memory chain, address caller) internal {
        vm.chainId(chain.id);
        vm.prank(caller);
    }

    function _module(Chain memory on, Chain memory of_, address module, uint8 kind) internal {
        _on(on, address(on.agent));
        on.gateway.setModule(of_.id, module, 1, kind, 1);
    }

    // ---- Sending ----

    function _send(Chain memory from, Chain memory to, address sender, address recipient, bytes memory payload)
        internal
        returns (Sent memory)
    {
        return _send(from, to, sender, recipient, payload, new bytes[](0));
    }

    function _send(
        Chain memory from,
        Chain memory to,
        address sender,
        address recipient,
        bytes memory payload,
        bytes[] memory attributes
    ) internal returns (Sent memory) {
        vmLogs.recordLogs();
        _on(from, sender);
        from.gateway.sendMessage(Wire.interoperable(to.id, recipient), payload, attributes);
        return _lastSent(from, to);
    }

    /// @dev Reads the last `MessageSent` of a chain and adds it to the lane as attesters do.
    function _lastSent(Chain memory from, Chain memory to) internal returns (Sent memory sent) {
        return _readMessage(vmLogs.getRecordedLogs().last(IERC7786GatewaySource.MessageSent.selector), from, to);
    }

    function _readMessage(Log memory log, Chain memory from, Chain memory to) internal returns (Sent memory sent) {
        (bytes memory sender, bytes memory recipient, bytes memory payload,, bytes[] memory attributes) =
            abi.decode(log.data, (bytes, bytes, bytes, uint256, bytes[]));
        sent.originChainId = from.id;
        sent.originGateway = address(from.gateway);
        sent.destinationChainId = to.id;
        sent.sender = _account(sender);
        sent.recipient = _account(recipient);
        sent.payload = payload;
        bytes32 id = _readSent(sent, attributes[attributes.length - 1]);
        vm.assertEq(id, Wire.id(sent), "id in the event");
        leavesOf[sent.originGateway][sent.destinationGateway].push(id);
    }

    function _readSent(Sent memory sent, bytes memory attribute) private pure returns (bytes32) {
        bytes memory arguments = new bytes(attribute.length - 4);
        for (uint256 i = 0; i < arguments.length; ++i) {
            arguments[i] = attribute[i + 4];
        }
        SentAttribute memory made = abi.decode(arguments, (SentAttribute));
        (sent.sequence, sent.destinationGateway, sent.kind) = (made.sequence, made.destinationGateway, made.kind);
        (sent.gasLimit, sent.payer, sent.fee, sent.after_) = (made.gasLimit, made.payer, made.fee, made.after_);
        return made.id;
    }

    function _account(bytes memory interoperable) private pure returns (address account) {
        assembly {
            account := shr(96, mload(add(interoperable, add(12, mload(interoperable)))))
        }
    }

    /// @dev One attribute or two.
    function _with(bytes memory first) internal pure returns (bytes[] memory list) {
        list = new bytes[](1);
        list[0] = first;
    }

    function _with(bytes memory first, bytes memory second) internal pure returns (bytes[] memory list) {
        list = new bytes[](2);
        (list[0], list[1]) = (first, second);
    }

    function _ordered() internal pure returns (bytes memory) {
        return abi.encodeWithSignature("ordered()");
    }

    function _kind(uint8 kind) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("kind(uint8)", kind);
    }

    /// @dev An act that the registry sends from the hub.
    function _govern(Chain memory to, Act act, bytes memory body) internal returns (Sent memory) {
        bytes[] memory attributes = _with(_kind(3), abi.encodeWithSignature("gateway(address)", address(to.gateway)));
        return _send(hub, to, _registry(), address(to.agent), abi.encode(uint8(act), body), attributes);
    }

    // ---- Attesting ----

    function _commitment(Chain memory from) internal returns (Commitment memory) {
        return Commitment({
            version: 1,
            network: _network(),
            originChainId: from.id,
            originGateway: address(from.gateway),
            blockNumber: ++_height,
            blockHash: keccak256(abi.encode(_height)),
            lanesRoot: keccak256("metalayer/no lanes"),
            factsRoot: keccak256("some facts")
        });
    }

    /// @dev A commitment to the lane from `from` to `to` as attesters have it, beside some other lane.
    function _laneCommitment(Chain memory from, Chain memory to)
        internal
        returns (Commitment memory commitment, uint64 count, bytes32 root, bytes32[] memory proof)
    {
        bytes32[] memory leaves = leavesOf[address(from.gateway)][address(to.gateway)];
        commitment = _commitment(from);
        count = uint64(leaves.length);
        root = Wire.laneRoot(leaves);
        proof = new bytes32[](1);
        proof[0] = keccak256("another lane");
        commitment.lanesRoot = Wire.pair(Wire.laneLeaf(to.id, address(to.gateway), count, root), proof[0]);
    }

    function _sign(Chain memory at, Commitment memory commitment) internal returns (bytes memory proof) {
        bytes32 digest = Wire.digest(commitment);
        at.attesters.sign(digest);
        return abi.encode(digest);
    }

    /// @dev Accepts the lane as it stands.
    function _accept(Chain memory from, Chain memory to) internal returns (uint64) {
        (Commitment memory commitment, uint64 count, bytes32 root, bytes32[] memory laneProof) =
            _laneCommitment(from, to);
        bytes memory proof = _sign(to, commitment);
        vm.chainId(to.id);
        to.gateway.accept(commitment, proof, count, root, laneProof);
        return count;
    }

    // ---- Delivering ----

    function _deliver(Chain memory from, Chain memory to, Sent memory sent) internal {
        _deliver(from, to, sent.sequence, 1, Wire.item(sent));
    }

    /// @dev Accepts what is there and delivers a range of it.
    function _deliver(Chain memory from, Chain memory to, uint64 first, uint256 length, bytes memory items) internal {
        uint64 count = _accept(from, to);
        _deliverUnder(from, to, count, first, length, items);
    }

    function _deliverUnder(
        Chain memory from,
        Chain memory to,
        uint64 count,
        uint64 first,
        uint256 length,
        bytes memory items
    ) internal {
        bytes memory proof = Wire.rangeProof(leavesOf[address(from.gateway)][address(to.gateway)], first, length);
        _on(to, EXECUTOR);
        to.gateway.deliver(from.id, address(from.gateway), count, first, items, proof);
    }

    function _judgeVoid(Sent memory sent) internal {
        leavesOf[sent.originGateway][sent.destinationGateway][sent.sequence] = Wire.voidLeaf(Wire.id(sent));
    }

    function _mint(Chain memory chain, address to, uint256 amount) internal {
        vm.chainId(chain.id);
        if (chain.id == 901) chain.era.transfer(to, amount);
        else IBridgeable(address(chain.era)).crosschainMint(to, amount);
    }
}
