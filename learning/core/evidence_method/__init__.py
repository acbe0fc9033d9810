"""Learning method evidence: what each scope adds to simpler scopes, shrunk by its uncertainty (docs/method.md 5).

It is one hierarchical empirical-Bayes fit of incremental effects on the lattice of scopes. An outcome is the sum of the
effects of blocks. A block holds the cells of one subset of dimensions over all trades, over a pattern, or over a
pattern and category; each may have a second block for the most recent days alone. Every effect has an
adaptive-shrinkage prior (Stephens, Biostatistics 2017), and all effects are fitted together by coordinate ascent (as in
mr.ash: Kim, Wang, Carbonetto and Stephens, JMLR 2024). Effects add up, so no trade's evidence is counted twice, as it
would be if nested scopes were averaged.

    observations       the judged actions as columns
    coding             their values as digits
    noise              winsorised outcomes, noise by pattern, mean by category
    blocks             which cells get a parameter
    mixture            the posterior of one effect
    fit                all effects together
    fold_down          one row for each pattern, category and scope: the key of an override
    lever_targets      from an edge to lever targets
    learn              the fits of a module, ranked together
    predict            what a fit expects of any trade
    supporting_trades  the trades behind an override

`core.cells.effect_cells` numbers the cells; `core.significance.day_dependence` measures how far trades that close on
one day depend on each other.
"""
