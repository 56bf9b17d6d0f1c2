// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Books what the Mech Marketplace of Olas books, with its events and counters; anybody may book anything.
contract MechMarketplace {
    event CreateMech(address indexed mech, uint256 indexed serviceId, address indexed mechFactory);
    event MarketplaceRequest(
        address indexed priorityMech, address indexed requester, uint256 numRequests, bytes32[] requestIds,
        bytes[] requestDatas
    );
    event MarketplaceDelivery(
        address indexed deliveryMech, address[] requesters, uint256 numDeliveries, bytes32[] requestIds,
        bool[] deliveredRequests
    );
    event MarketplaceDeliveryWithSignatures(
        address indexed deliveryMech, address indexed requester, uint256 numDeliveries, bytes32[] requestIds
    );
    event Deliver(
        address indexed mech, address indexed mechServiceMultisig, bytes32 requestId, uint256 deliveryRate,
        bytes requestData, bytes deliveryData
    );
    event ImplementationUpdated(address indexed implementation);

    uint256 public numTotalRequests;
    uint256 public numUndeliveredRequests;
    mapping(address => uint256) public mapMechDeliveryCounts;
    uint256 private nonce;

    function create(address mech, uint256 serviceId, address factory) external {
        emit CreateMech(mech, serviceId, factory);
    }

    function request(address mech, address requester, uint256 number) external {
        numTotalRequests += number;
        numUndeliveredRequests += number;
        bytes[] memory datas = new bytes[](number);
        for (uint256 i = 0; i < number; ++i) datas[i] = "what a user asked";
        emit MarketplaceRequest(mech, requester, number, ids(number), datas);
    }

    /// One id for each requester; those of the zero address were delivered before by another mech.
    function deliver(address mech, address[] calldata requesters) external {
        uint256 number = requesters.length;
        bytes32[] memory requestIds = ids(number);
        bool[] memory delivered = new bool[](number);
        uint256 count;
        for (uint256 i = 0; i < number; ++i) {
            delivered[i] = requesters[i] != address(0);
            if (delivered[i]) ++count;
        }
        numUndeliveredRequests -= count;
        mapMechDeliveryCounts[mech] += count;
        emit MarketplaceDelivery(mech, requesters, count, requestIds, delivered);
        emit Deliver(mech, mech, requestIds[0], 1, "", "");
    }

    function settle(address mech, address requester, uint256 number) external {
        numTotalRequests += number;
        mapMechDeliveryCounts[mech] += number;
        bytes32[] memory requestIds = ids(number);
        for (uint256 i = 0; i < number; ++i) emit Deliver(mech, mech, requestIds[i], 1, "", "");
        emit MarketplaceDeliveryWithSignatures(mech, requester, number, requestIds);
    }

    function changeImplementation(address implementation) external {
        emit ImplementationUpdated(implementation);
    }

    function ids(uint256 number) private returns (bytes32[] memory requestIds) {
        requestIds = new bytes32[](number);
        for (uint256 i = 0; i < number; ++i) requestIds[i] = keccak256(abi.encode(++nonce));
    }
}
