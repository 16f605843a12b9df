// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ChainRegistration} from "../../src/interfaces/IHub.sol";
import {Attesters} from "../support/Attesters.sol";
import {vmLogs} from "../support/Logs.sol";
import {Member, Table, Tables} from "../support/Tables.sol";
import {vm} from "../support/Vm.sol";

/// @title What the registry costs
/// @dev Each call is a transaction of its own, with its base and calldata, every account and slot cold.
/// forge-config: default.isolate = true
contract HubGasTest is Attesters {
    uint256 private constant MEMBERS = 350;
    /// @dev The most a transaction may use (EIP-7825).
    uint256 private constant TRANSACTION_LIMIT = 1 << 24;
    uint256 private constant LIMIT_REGISTER_ATTESTER = 500_000;

    function setUp() public {
        _setUpContracts();
        _setUpAttesters();
        vmLogs.recordLogs();
        _register(hub, 0);
    }

    function test_Gas_chainsAndModules() public {
        _on(hub, REGISTRAR);
        registry.open(address(hub.era));
        _record("open");
        _register(a, 1);
        _record("registerChain, told 1 row and the epoch");
        _registerBridge(a);
        _record("setModule, told to 1 chain");
        _register(b, 2);
        _record("registerChain, told 2 rows and the epoch");
    }

    /// @dev A network of 62 rollups, each with its bridge; one more joins, and one more module comes.
    function test_Gas_with62Chains() public {
        for (uint32 i = 1; i <= 62; ++i) {
            ChainRegistration memory registration = _registration(a, i);
            registration.chainId = 10_000 + i;
            _on(hub, REGISTRAR);
            registry.registerChain(registration);
            _on(hub, GOVERNOR);
            registry.setModule(1, 1, registration.chainId, address(bridgeOf[a.id]));
        }
        _record("setModule, told to 62 chains");
        _register(b, 63);
        _record("registerChain, told 62 rows and the epoch");
    }

    function test_Gas_epochOf350() public {
        Member[] memory members = new Member[](MEMBERS);
        uint256 most;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            members[i] = Member({secret: _secret(i), stake: 10, key: _enrol(i)});
            uint256 used = vm.lastCallGas().gasTotalUsed;
            if (used > most) most = used;
            _stake(i, 10);
        }
        vm.assertLt(most, LIMIT_REGISTER_ATTESTER, "registerAttester");
        Table memory table = Tables.build(2, members);
        vm.chainId(hub.id);
        for (uint256 i = 0; i < table.chunks.length; ++i) {
            registry.closeEpoch(table.header, i, table.chunks[i]);
            uint256 entries = table.chunks[i].length / 204;
            _record(string.concat("closeEpoch ", vm.toString(i), ", ", vm.toString(entries), " members"));
        }
        _on(hub, STAKER);
        registry.announceEpoch(table.hash, START + OVERLAP, START + OVERLAP + 30 days);
        _record("announceEpoch, to the hub alone");
    }

    function test_Gas_registerAttester() public {
        _enrol(0);
        _record("registerAttester");
        _stake(0, 10);
        _record("setStake");
    }

    function _record(string memory what) private {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.assertLt(used, TRANSACTION_LIMIT, what);
        vm.snapshotValue("Hub", what, used);
    }
}
