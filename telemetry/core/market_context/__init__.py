"""The market around an action, computed from price bars that had closed before it. Numpy and nothing of ours.

`Market` holds what depends on a universe of pairs (phases, liquidity buckets, leaders), `PairHistory` what depends on
one pair, `context` joins both to the scope of an action and names what is missing. `outcomes` computes results in R
from the bars that follow. The demo, imports and the bots' client share this code.
"""
