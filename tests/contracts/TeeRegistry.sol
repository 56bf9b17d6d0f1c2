// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

struct TEEInfoOld {
    address owner;
    address paymentAddress;
    string endpoint;
    bytes publicKey;
    bytes tlsCertificate;
    bytes32 pcrHash;
    uint8 teeType;
    bool enabled;
    uint256 registeredAt;
    uint256 lastHeartbeatAt;
}

struct OHTTPConfig {
    uint8 keyId;
    uint16 kemId;
    uint16 kdfId;
    uint16 aeadId;
    bytes publicKey;
    bytes keyConfig;
    uint256 registeredAt;
}

struct TEEInfoNew {
    address owner;
    address paymentAddress;
    string endpoint;
    bytes publicKey;
    bytes tlsCertificate;
    bytes32 pcrHash;
    uint8 teeType;
    bool enabled;
    uint256 registeredAt;
    uint256 lastHeartbeatAt;
    OHTTPConfig ohttpConfig;
}

/// What both registries have in common; their `TEEInfo` differs and only the concrete ones return it.
abstract contract TeeRegistry {
    event TEERegistered(bytes32 indexed teeId, address indexed owner, uint8 teeType);
    event TEEEnabled(bytes32 indexed teeId);
    event TEEDisabled(bytes32 indexed teeId);
    event HeartbeatReceived(bytes32 indexed teeId, uint256 timestamp);

    uint256 public heartbeatMaxAge = 1800;
    bytes32[] internal ids;
    mapping(bytes32 => TEEInfoOld) internal tees;

    function register(uint8 teeType, address owner, string calldata endpoint, bytes calldata publicKey) external {
        bytes32 id = computeTEEId(publicKey);
        ids.push(id);
        tees[id] = TEEInfoOld(
            owner, owner, endpoint, publicKey, "", bytes32(0), teeType, true, block.timestamp, block.timestamp
        );
        emit TEERegistered(id, owner, teeType);
        emit TEEEnabled(id);
    }

    function disable(bytes32 teeId) external {
        tees[teeId].enabled = false;
        emit TEEDisabled(teeId);
    }

    function heartbeat(bytes32 teeId) external {
        tees[teeId].lastHeartbeatAt = block.timestamp;
        emit HeartbeatReceived(teeId, block.timestamp);
    }

    function computeTEEId(bytes calldata publicKey) public pure returns (bytes32) {
        return keccak256(publicKey);
    }

    function getTEEPublicKey(bytes32 teeId) external view returns (bytes memory) {
        return tees[teeId].publicKey;
    }

    function getTEETypes() external pure returns (uint8[] memory types) {
        types = new uint8[](2);
        types[1] = 1;
    }

    function getTEEsByType(uint8 teeType) external view returns (bytes32[] memory) {
        return chosen(teeType, false, false);
    }

    function getEnabledTEEs(uint8 teeType) external view returns (bytes32[] memory) {
        return chosen(teeType, true, false);
    }

    function isTEEEnabled(bytes32 teeId) public view returns (bool) {
        return tees[teeId].enabled;
    }

    function isTEEActive(bytes32 teeId) public view returns (bool) {
        return tees[teeId].enabled && block.timestamp - tees[teeId].lastHeartbeatAt <= heartbeatMaxAge;
    }

    function chosen(uint8 teeType, bool enabled, bool active) internal view returns (bytes32[] memory found) {
        bytes32[] memory all = new bytes32[](ids.length);
        uint256 count;
        for (uint256 i = 0; i < ids.length; i++) {
            bool fits = tees[ids[i]].teeType == teeType;
            fits = fits && (!enabled || isTEEEnabled(ids[i])) && (!active || isTEEActive(ids[i]));
            if (fits) all[count++] = ids[i];
        }
        found = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) found[i] = all[i];
    }
}

contract TeeRegistryOld is TeeRegistry {
    function getTEE(bytes32 teeId) external view returns (TEEInfoOld memory) {
        return tees[teeId];
    }

    function getActiveTEEs(uint8 teeType) external view returns (TEEInfoOld[] memory active) {
        bytes32[] memory found = chosen(teeType, true, true);
        active = new TEEInfoOld[](found.length);
        for (uint256 i = 0; i < found.length; i++) active[i] = tees[found[i]];
    }
}

contract TeeRegistryNew is TeeRegistry {
    function getTEE(bytes32 teeId) external view returns (TEEInfoNew memory) {
        return extended(tees[teeId]);
    }

    function getActiveTEEs(uint8 teeType) external view returns (TEEInfoNew[] memory active) {
        bytes32[] memory found = chosen(teeType, true, true);
        active = new TEEInfoNew[](found.length);
        for (uint256 i = 0; i < found.length; i++) active[i] = extended(tees[found[i]]);
    }

    function extended(TEEInfoOld memory old) internal pure returns (TEEInfoNew memory tee) {
        tee.owner = old.owner;
        tee.paymentAddress = old.paymentAddress;
        tee.endpoint = old.endpoint;
        tee.publicKey = old.publicKey;
        tee.tlsCertificate = old.tlsCertificate;
        tee.pcrHash = old.pcrHash;
        tee.teeType = old.teeType;
        tee.enabled = old.enabled;
        tee.registeredAt = old.registeredAt;
        tee.lastHeartbeatAt = old.lastHeartbeatAt;
        tee.ohttpConfig = OHTTPConfig(1, 32, 1, 1, hex"01", hex"02", old.registeredAt);
    }
}
