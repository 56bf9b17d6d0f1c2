// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Emits what the first settlement relay emitted (2025-12 to 2026-02): no blob ids, metadata in the log itself.
contract SettlementRelayV1 {
    event BatchSettlement(bytes32 indexed merkleRoot, uint256 batchSize);
    event Settlement(bytes32 indexed inputHash, bytes32 indexed outputHash);
    event SettlementWithMetadata(
        bytes32 indexed inputHash, bytes32 indexed outputHash, string modelInfo, bytes inputData, bytes outputData
    );

    function batchSettle(bytes32 merkleRoot, uint256 batchSize) external {
        emit BatchSettlement(merkleRoot, batchSize);
    }

    function settle(bytes32 inputHash, bytes32 outputHash) external {
        emit Settlement(inputHash, outputHash);
    }

    function settleWithMetadata(
        bytes32 inputHash,
        bytes32 outputHash,
        string calldata modelInfo,
        bytes calldata inputData,
        bytes calldata outputData
    ) external {
        emit SettlementWithMetadata(inputHash, outputHash, modelInfo, inputData, outputData);
    }
}
