"""Walk-forward validation: what each learning method would have earned with what was known on each day.

`outcome_columns` holds the facts as columns, `folds` divides their time, `plan_walker` and `evidence_walker` learn at
the start of a fold and size its trades, `walk` collects them as `sized_trades`; `score`, `calibration` and
`uplift_curve` evaluate the sizes.
"""
