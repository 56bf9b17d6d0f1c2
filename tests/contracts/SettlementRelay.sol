// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Emits what the settlement relay emits; `open` says whether anyone may settle, as deployed versions differ in that.
contract SettlementRelay {
    event BatchSettlement(bytes32 indexed merkleRoot, uint256 batchSize, bytes walrusBlobId);
    event IndividualSettlement(
        bytes32 indexed teeId,
        address indexed ethAddress,
        bytes32 inputHash,
        bytes32 outputHash,
        uint256 timestamp,
        bytes walrusBlobId,
        bytes signature
    );
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);

    bytes32 public constant SETTLEMENT_RELAY_ROLE = keccak256("SETTLEMENT_RELAY_ROLE");
    bool public immutable open;
    mapping(address => bool) public relays;

    constructor(bool open_) {
        open = open_;
        grant(msg.sender);
    }

    modifier onlyRelay() {
        require(open || relays[msg.sender], "AccessControlUnauthorizedAccount");
        _;
    }

    function grant(address account) public {
        relays[account] = true;
        emit RoleGranted(SETTLEMENT_RELAY_ROLE, account, msg.sender);
    }

    function revoke(address account) external {
        relays[account] = false;
        emit RoleRevoked(SETTLEMENT_RELAY_ROLE, account, msg.sender);
    }

    function batchSettle(bytes32 merkleRoot, uint256 batchSize, bytes calldata walrusBlobId) external onlyRelay {
        emit BatchSettlement(merkleRoot, batchSize, walrusBlobId);
    }

    /// The argument order differs from the event's, as on the real relay.
    function settleIndividual(
        bytes32 teeId,
        bytes32 inputHash,
        bytes32 outputHash,
        uint256 timestamp,
        address ethAddress,
        bytes calldata walrusBlobId,
        bytes calldata signature
    ) external onlyRelay {
        emit IndividualSettlement(teeId, ethAddress, inputHash, outputHash, timestamp, walrusBlobId, signature);
    }

    /// Many settlements in one transaction, for volume: roots are distinct, sizes run from 1.
    function many(uint256 first, uint256 count, bytes calldata walrusBlobId) external onlyRelay {
        for (uint256 i = first; i < first + count; i++) {
            emit BatchSettlement(keccak256(abi.encode(i)), i % 20 + 1, walrusBlobId);
        }
    }

    /// A log with any topics and data under this address: what no compiler would write.
    function raw(bytes32[] calldata topics, bytes calldata data) external {
        bytes memory copy = data;
        bytes32 a = topics.length > 0 ? topics[0] : bytes32(0);
        bytes32 b = topics.length > 1 ? topics[1] : bytes32(0);
        uint256 count = topics.length;
        assembly {
            switch count
            case 0 { log0(add(copy, 32), mload(copy)) }
            case 1 { log1(add(copy, 32), mload(copy), a) }
            default { log2(add(copy, 32), mload(copy), a, b) }
        }
    }
}
