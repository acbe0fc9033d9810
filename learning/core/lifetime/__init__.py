"""Error control over the life of a learner: at most alpha of all lines ever published are false, on average."""
