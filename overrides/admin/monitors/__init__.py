"""Admin of the monitors: the list with what each detector says, and the page with its curve."""
