"""Pages that show two kinds of truth at once, and the health of the whole."""
