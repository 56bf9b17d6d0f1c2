// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// A token of which anyone may mint: only its Transfer log matters here.
contract Token {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function move(address from, address to, uint256 value) public {
        emit Transfer(from, to, value);
    }
}

/// Settles like the x402 "upto" proxy: the token moves and the proxy says so without arguments, in one transaction.
contract UptoProxy {
    event Settled();
    event SettledWithPermit();

    function settle(Token token, address payer, address payTo, uint256 value) external {
        token.move(payer, payTo, value);
        emit Settled();
    }

    function settleWithPermit(Token token, address payer, address payTo, uint256 value) external {
        token.move(payer, payTo, value);
        emit SettledWithPermit();
    }
}

/// Calls a proxy once amid transfers in the name of many, as anybody may.
contract Inflator {
    function inflate(UptoProxy proxy, Token token, address payTo, uint256 value) external {
        for (uint160 i = 1; i <= 5; i++) token.move(address(0xA000 + i), payTo, 0);
        for (uint160 i = 1; i <= 3; i++) token.move(address(0xB000 + i), payTo, 1);
        proxy.settle(token, msg.sender, payTo, value);
        for (uint160 i = 1; i <= 3; i++) token.move(address(0xC000 + i), payTo, 1);
        token.move(address(0xD001), payTo, 0);
    }
}

/// Settles like the x402 payment channel: one transfer from this contract bundles many payers.
contract Channel {
    event Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount);

    function settle(Token token, address payer, address payTo, uint128 amount) external {
        token.move(address(this), payTo, amount);
        emit Settled(payTo, address(token), payer, amount);
    }
}

/// EIP-3009: the token itself says that an authorization was used.
contract AuthorizedToken is Token {
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);

    function transferWithAuthorization(address from, address to, uint256 value, bytes32 nonce) external {
        move(from, to, value);
        emit AuthorizationUsed(from, nonce);
    }
}
