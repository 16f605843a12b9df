// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {IEraBridge} from "../../src/interfaces/IEraBridge.sol";
import {IGateway, Route} from "../../src/interfaces/IGateway.sol";
import {ChainRegistration, Finality, IHub, ReadMode} from "../../src/interfaces/IHub.sol";
import {IHubAgent} from "../../src/interfaces/IHubAgent.sol";
import {Log, vmLogs} from "./Logs.sol";
import {MockAttesterSet} from "./MockAttesterSet.sol";
import {vm} from "./Vm.sol";
import {Sent} from "./Wire.sol";
import {Deployer, World} from "./World.sol";

/// @dev A switch for quorums that also says whose it is and which epochs it heard of, as the hub asks.
contract NamedAttesterSet is MockAttesterSet {
    bytes32 public network;
    uint64 public hubChainId;
    address public hubGateway;
    address public hubAgent;

    constructor(bytes32 network_, uint64 hubChainId_, address hubGateway_, address hubAgent_) {
        (network, hubChainId, hubGateway, hubAgent) = (network_, hubChainId_, hubGateway_, hubAgent_);
        uint64 start = uint64(block.timestamp);
        announced = Announced(1, keccak256("first table"), start, start + 40 days);
    }

    function newestEpoch() external view returns (uint64) {
        return announced.epoch;
    }

    function epoch(uint64 number) external view returns (IAttesterSet.Epoch memory known) {
        if (number != announced.epoch) return known;
        (known.tableHash, known.activatesAt, known.expiresAt) =
        (announced.tableHash, announced.activatesAt, announced.expiresAt);
    }
}

/// @title Chains with a real hub, real tokens and real bridges between them
abstract contract ValueWorld is World {
    string internal constant NAME = "test";
    address internal constant ADMIN = address(0xad);
    address internal constant REGISTRAR = address(0x4e);
    address internal constant GOVERNOR = address(0x90);
    address internal constant STAKER = address(0x57);
    address internal constant BOB = address(0xb0b);
    uint64 internal constant OVERLAP = 2 days;
    uint256 internal constant SUPPLY = 1_000_000_000 ether;
    uint208 internal constant CAP = 1_000_000 ether;
    uint48 internal constant WINDOW = 1 days;
    uint96 internal constant FEE = 3 ether;

    IHub internal registry;
    mapping(uint64 chainId => IEraBridge) internal bridgeOf;
    Deployer private _hubDeployer;

    /// @dev Contracts only; nothing is registered.
    function _setUpContracts() internal {
        vm.chainId(901);
        _hubDeployer = new Deployer();
        _setUpWorld();
        vm.chainId(hub.id);
        bytes memory arguments = abi.encode(NAME, hub.gateway, OVERLAP, IHub.Roles(ADMIN, REGISTRAR, GOVERNOR, STAKER));
        registry = IHub(_hubDeployer.deploy(abi.encodePacked(vm.getCode("Hub.sol:Hub"), arguments)));
    }

    /// @dev Everything registered and told, routes from everywhere to everywhere, and ALICE rich on the hub.
    function _setUpValue() internal {
        _setUpContracts();
        vmLogs.recordLogs();
        _register(hub, 0);
        _on(hub, REGISTRAR);
        registry.open(address(hub.era));
        _register(a, 1);
        _register(b, 2);
        _registerBridge(a);
        _registerBridge(b);
        _deliverAll(_allSent());
        _connect(hub, a);
        _connect(hub, b);
        _connect(a, b);
        _mint(hub, ALICE, 10_000_000 ether);
    }

    /// @dev Gateway, agent, bridge and hub at the nonces 2 to 5 of an account whose first is the token.
    function _newChain(uint64 id, address hubGateway) internal override returns (Chain memory chain) {
        vm.chainId(id);
        Deployer deployer = id == 901 ? _hubDeployer : new Deployer();
        chain.id = id;
        if (hubGateway == address(0)) hubGateway = deployer.addressAt(2);
        chain.attesters = new NamedAttesterSet(_network(), 901, hubGateway, deployer.addressAt(3));
        bytes memory token = abi.encode(uint64(901), address(this), deployer.addressAt(4));
        chain.era = IERC20(deployer.deploy(abi.encodePacked(vm.getCode("EraToken.sol:EraToken"), token)));
        IGateway.Config memory config = _config(hubGateway, address(chain.attesters), address(chain.era));
        config.hubAgent = deployer.addressAt(3);
        chain.gateway =
            IGateway(deployer.deploy(abi.encodePacked(vm.getCode("Gateway.sol:Gateway"), abi.encode(config))));
        bytes memory agent = abi.encode(chain.gateway, chain.attesters, uint64(901), config.hubRegistry);
        chain.agent = IHubAgent(deployer.deploy(abi.encodePacked(vm.getCode("HubAgent.sol:HubAgent"), agent)));
        bytes memory bridge = abi.encode(chain.gateway, uint32(1), CAP, WINDOW);
        bridgeOf[id] = IEraBridge(deployer.deploy(abi.encodePacked(vm.getCode(_bridgeCode(id)), bridge)));
    }

    /// @dev Which contract stands as the bridge of a chain.
    function _bridgeCode(uint64) internal view virtual returns (string memory) {
        return "EraBridge.sol:EraBridge";
    }

    function _registry() internal view override returns (address) {
        return _hubDeployer.addressAt(5);
    }

    function _network() internal view override returns (bytes32) {
        bytes32 tag = keccak256("metalayer/network");
        return keccak256(abi.encodePacked(tag, uint8(1), keccak256(bytes(NAME)), uint64(901), _registry()));
    }

    function _registration(Chain memory chain, uint32 partition) internal pure returns (ChainRegistration memory) {
        return ChainRegistration({
            chainId: chain.id,
            gateway: address(chain.gateway),
            hubAgent: address(chain.agent),
            attesterSet: address(chain.attesters),
            era: address(chain.era),
            deploymentBlock: 7,
            finality: Finality.Finalized,
            finalityBlocks: 0,
            readMode: ReadMode.BloomReceipts,
            partition: partition
        });
    }

    function _register(Chain memory chain, uint32 partition) internal {
        _on(hub, REGISTRAR);
        registry.registerChain(_registration(chain, partition));
    }

    function _registerBridge(Chain memory chain) internal {
        _on(hub, GOVERNOR);
        registry.setModule(1, 1, chain.id, address(bridgeOf[chain.id]));
    }

    /// @dev Routes in both directions, at a fee.
    function _connect(Chain memory one, Chain memory other) internal {
        Route memory route = _freeRoute(address(other.gateway));
        (route.feeBase, route.valueMax) = (FEE, 2 * uint128(CAP));
        _route(one, other, route);
        route.gateway = address(one.gateway);
        _route(other, one, route);
    }

    // ---- What was sent ----

    /// @dev Every message in the recorded logs, added to its lane as attesters do.
    function _allSent() internal returns (Sent[] memory sent) {
        Log[] memory logs = vmLogs.getRecordedLogs();
        sent = new Sent[](logs.length);
        uint256 count;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IERC7786GatewaySource.MessageSent.selector) continue;
            (, bytes memory recipient,,,) = abi.decode(logs[i].data, (bytes, bytes, bytes, uint256, bytes[]));
            sent[count++] = _readMessage(logs[i], _chainAt(logs[i].emitter), _chain(_chainIdIn(recipient)));
        }
        assembly ("memory-safe") {
            mstore(sent, count)
        }
    }

    function _deliverAll(Sent[] memory sent) internal {
        for (uint256 i = 0; i < sent.length; ++i) {
            _deliver(_chain(sent[i].originChainId), _chain(sent[i].destinationChainId), sent[i]);
        }
    }

    /// @dev ALICE's transfer, approved and sent.
    function _transfer(Chain memory from, Chain memory to, address receiver, uint256 amount)
        internal
        returns (Sent memory)
    {
        return _transferAs(ALICE, from, to, receiver, amount);
    }

    function _transferAs(address sender, Chain memory from, Chain memory to, address receiver, uint256 amount)
        internal
        returns (Sent memory)
    {
        _approveFee(sender, from);
        vmLogs.recordLogs();
        _on(from, sender);
        bridgeOf[from.id].transfer(to.id, receiver, amount);
        return _lastSent(from, to);
    }

    function _approveFee(address sender, Chain memory on) internal {
        _on(on, sender);
        on.era.approve(address(bridgeOf[on.id]), type(uint256).max);
    }

    function _supplies() internal view returns (uint256) {
        return hub.era.totalSupply() + a.era.totalSupply() + b.era.totalSupply();
    }

    function _chain(uint64 id) internal view returns (Chain memory) {
        return id == hub.id ? hub : id == a.id ? a : b;
    }

    function _chainAt(address gateway) private view returns (Chain memory) {
        return gateway == address(hub.gateway) ? hub : gateway == address(a.gateway) ? a : b;
    }

    function _chainIdIn(bytes memory interoperable) private pure returns (uint64 id) {
        for (uint256 i = 0; i < uint8(interoperable[4]); ++i) {
            id = id << 8 | uint8(interoperable[5 + i]);
        }
    }
}
