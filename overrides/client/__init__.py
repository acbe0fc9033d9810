"""The Python client for bots: asks for levers, records closed trades and episodes, and keeps a journal of decisions.

It ships as `counterweight.client`, needs neither Django nor this repository, and imports only `..core.engine`. Begin
with `client.Client`, which asks the server each time, or with `local_client.LocalClient`, which answers here, from a
snapshot.
"""

from .answers import Answer
from .client import Client, Receipt
from .journal import Journal
from .local_client import LocalClient, State
from .positions import Position, bar_start

__all__ = ["Answer", "Client", "Journal", "LocalClient", "Position", "Receipt", "State", "bar_start"]
