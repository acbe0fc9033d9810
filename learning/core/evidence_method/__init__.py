"""Policy evidence: what each scope adds to the simpler ones, shrunk by how much is known (statistics section 3).

One hierarchical empirical-Bayes fit of incremental effects on the lattice of scopes. Outcomes are a sum of effects of
blocks, a block being the cells of one subset of dimensions over all trades, over a pattern, or over a pattern and
category, each also for the most recent days alone. Every effect has an adaptive-shrinkage prior (Stephens,
Biostatistics 2017); they are fitted together by coordinate ascent (as mr.ash: Kim, Wang, Carbonetto and Stephens,
JMLR 2024). Effects add up, so no trade's evidence is counted twice, as it is when nested scopes are averaged.

    observations   the judged actions as columns
    coding         their values as digits
    noise          winsorised outcomes, noise by pattern, mean by category
    dependence     what trades that close on one day are worth
    cells, blocks  which cells get a parameter
    mixture        the posterior of one effect
    fit            all of them together
    fold           one row per pattern, category and scope: the key of an override
    levers         from an edge to lever targets
    learn          the fits of a module, ranked together
"""
