// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../../src/interfaces/IAttesterSet.sol";
import {IEraBridge} from "../../src/interfaces/IEraBridge.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ChainRegistration, Finality, IHub, ReadMode} from "../../src/interfaces/IHub.sol";
import {vm} from "../support/Vm.sol";
import {Deployer} from "../support/World.sol";

/// @title The order in which a hub chain's contracts are created, with nothing in a stand-in's place
/// @dev AttesterSet, Council, token, HubAgent, gateway, bridge, registry: each names later ones by the address that the
/// account's nonce will give them.
contract HubDeploymentTest {
    string private constant NAME = "test";
    uint64 private constant HUB = 901;
    uint64 private constant START = 1_800_000_000;
    address private constant ADMIN = address(0xad);

    Deployer private deployer;

    function setUp() public {
        vm.warp(START);
        vm.chainId(HUB);
        deployer = new Deployer();
    }

    function test_hubOpensWithRealContracts() public {
        (IHub registry, address era) = _deployAll();
        ChainRegistration memory registration = _registration(era);
        vm.prank(ADMIN);
        registry.registerChain(registration);
        vm.prank(ADMIN);
        registry.open(era);
        vm.assertTrue(registry.isOpen(), "open");
        IGateway gateway = IGateway(_at(5));
        vm.assertEq(gateway.moduleAt(HUB, _at(6)).moduleId, 1, "the bridge is a module");
        vm.assertEq(registry.network(), gateway.config().network, "one network");
    }

    /// @dev The registry checks keys itself, so it needs what an AttesterSet needs.
    function test_PrecompileMissing_registryRefusedBeforePrague() public {
        vm.setEvmVersion("cancun");
        vm.expectRevert(abi.encodeWithSignature("PrecompileFailed(address)", address(0x10)));
        this.deployHub();
    }

    /// @dev External, because a test ends silently where `vm.deployCode` reverts as expected in its own frame.
    function deployHub() external returns (address) {
        IHub.Roles memory roles = IHub.Roles(ADMIN, ADMIN, ADMIN, ADMIN);
        return vm.deployCode("Hub.sol:Hub", abi.encode(NAME, ADMIN, uint64(1), roles));
    }

    function _deployAll() private returns (IHub registry, address era) {
        bytes32 network =
            keccak256(abi.encodePacked(keccak256("metalayer/network"), uint8(1), keccak256(bytes(NAME)), HUB, _at(7)));
        IAttesterSet.FirstEpoch memory first = IAttesterSet.FirstEpoch(1, keccak256("table"), START, START + 30 days);
        _create("AttesterSet.sol:AttesterSet", abi.encode(network, HUB, _at(5), _at(4), _at(2), first));
        address[] memory members = new address[](1);
        members[0] = ADMIN;
        _create("Council.sol:Council", abi.encode(members));
        era = _create("EraToken.sol:EraToken", abi.encode(HUB, ADMIN, _at(6)));
        _create("HubAgent.sol:HubAgent", abi.encode(_at(5), _at(1), HUB, _at(7)));
        IGateway.Config memory config = IGateway.Config({
            network: network,
            hubChainId: HUB,
            hubGateway: _at(5),
            hubRegistry: _at(7),
            hubAgent: _at(4),
            attesterSet: _at(1),
            era: era,
            routeAdmin: ADMIN,
            guardian: ADMIN,
            council: _at(2),
            unfreezeDelay: 2 days
        });
        _create("Gateway.sol:Gateway", abi.encode(config));
        IEraBridge bridge = IEraBridge(
            _create("EraBridge.sol:EraBridge", abi.encode(_at(5), uint32(1), uint208(1e24), uint48(1 days)))
        );
        vm.assertEq(bridge.era(), era, "the bridge's token");
        IHub.Roles memory roles = IHub.Roles(ADMIN, ADMIN, ADMIN, ADMIN);
        registry = IHub(_create("Hub.sol:Hub", abi.encode(NAME, _at(5), uint64(1 hours), roles)));
        vm.assertEq(address(registry), _at(7), "where it was expected");
    }

    function _registration(address era) private view returns (ChainRegistration memory) {
        return ChainRegistration({
            chainId: HUB,
            gateway: _at(5),
            hubAgent: _at(4),
            attesterSet: _at(1),
            era: era,
            deploymentBlock: 9,
            finality: Finality.Finalized,
            finalityBlocks: 0,
            readMode: ReadMode.BloomReceipts,
            partition: 0
        });
    }

    function _create(string memory artifact, bytes memory arguments) private returns (address) {
        return deployer.deploy(abi.encodePacked(vm.getCode(artifact), arguments));
    }

    function _at(uint8 nonce) private view returns (address) {
        return deployer.addressAt(nonce);
    }
}
