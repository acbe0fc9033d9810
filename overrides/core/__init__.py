"""Pure rules of the governed state: levers and their engine, governance, impact and monitoring.

Standard library and numpy only; the clock is always an argument, and nothing here reads a row, a setting or a socket.
`engine` combines overrides into levers and ships with the bots' client; begin with `engine.definitions.levers` and
`engine.combine`. `governance`, `impact` and `monitoring` build on it and not on each other.
"""
