// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IAttesterSet} from "../interfaces/IAttesterSet.sol";
import {Commitment} from "../interfaces/IGateway.sol";
import {Commitments} from "./Commitments.sol";
import {GatewayBase} from "./GatewayBase.sol";

/// @title The one way in which the word of attesters is taken
abstract contract Attested is GatewayBase {
    /// @dev Reverts unless a quorum of this network signed the commitment.
    function _requireQuorum(Commitment calldata commitment, bytes calldata proof) internal {
        if (commitment.network != _network) revert WrongNetwork(commitment.network);
        IAttesterSet(_attesterSet).verify(Commitments.digest(commitment), proof);
    }

    /// @dev Reverts unless the commitment's lanes hold this one.
    function _requireLane(
        Commitment calldata commitment,
        uint64 destinationChainId,
        address destinationGateway,
        uint64 count,
        bytes32 laneRoot,
        bytes32[] calldata laneProof
    ) internal pure {
        if (count == 0 || laneRoot == 0 || commitment.lanesRoot == 0) revert ZeroRoot();
        bool proven =
            Commitments.provesLane(commitment, destinationChainId, destinationGateway, count, laneRoot, laneProof);
        if (!proven) revert LaneNotProven();
    }
}
