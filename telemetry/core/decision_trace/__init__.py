"""The compact form in which a decision keeps what it was computed from; `trace` packs and unpacks a whole one.

A trace says the same as the documents that the decisions before it store as JSON, to the last digit, in a fifth of the
space: ids are 8-byte keys of `constants.Constants`, which are stored once for all decisions; numbers are float64; what
follows from other values is left out. A decision that a trace cannot express is stored as documents.
"""
