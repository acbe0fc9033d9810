"""Pure calculations of learning: judged actions go in; cells, candidate lessons and lever targets come out.

Nothing in this package reads a database or a clock; it needs the standard library and numpy only.

Conventions of all docstrings here. Arrays are columns, and a shape such as `(rows,)` or `(cells, dims)` names what each
axis counts, so two arguments that share a name share a length. Floats are float64, numbers and codes are int64, flags
are bool. A code of -1 means "this dimension is not set". Outcomes and edges are in R (multiples of the risk taken),
variances in R squared. Times are microseconds since 1970-01-01 UTC, and "days" are whole UTC days since that date,
unless the docstring says otherwise. Columns contain no NaN unless the docstring allows it. Functions do not change the
arrays they are given.
"""
