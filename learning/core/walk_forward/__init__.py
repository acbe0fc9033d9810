"""Walking forward: what each policy would have earned, had it decided with what was known on the day.

`trades` are the facts as columns, `folds` cuts their time, `plan` and `evidence` are the policies as they stood at the
start of a fold, `forward` puts them together into `bets`; `score`, `calibration` and `curve` say what the bets were
worth.
"""
