"""A process of its own that tells listeners when the state of a module has changed, as server-sent events.

It holds many connections that say little, each for a long time, which would exhaust the threads of the web process.
`python -m config.stream` runs it.
"""
