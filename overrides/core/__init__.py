"""The arithmetic of policy: levers, overrides, weights, combining and serving, as pure functions.

Standard library and numpy only, relative imports only: the bot's client ships these files as they are.
The clock is always an argument; nothing here reads a row, a setting or a socket.
Start with `levers` (the table), `specs` (an override), `compile` and `combine` (the one resolver)."""
