"""The Python client for bots: asks for levers, records closed trades, and keeps a journal of decisions.

It ships as `counterweight.client`, needs neither Django nor this repository, and imports only `..core.engine`. Begin
with `client.Client`.
"""

from .answers import Answer
from .client import Client, Receipt
from .journal import Journal
from .positions import Position, bar_start

__all__ = ["Answer", "Client", "Journal", "Position", "Receipt", "bar_start"]
