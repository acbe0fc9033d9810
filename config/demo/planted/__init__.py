"""The planted demo: a bot whose edge is made up and known, so that what the system states can be compared with it.

Read in this order: `truth` (what was planted), `generator` (the trades drawn from it), `payloads` (as the bot reports
them), `stage` (the calendar), `chapters` (what happens each week), `story` (all weeks), `statements` (what the system
states at the end, beside the truth). `truth` and `generator` are pure.
"""
