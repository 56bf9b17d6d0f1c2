"""The slash commands by who may use them: everybody, members, servers, the operator."""
