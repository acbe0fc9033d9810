"""Every condition of governance, changed once: which of the changes does no test notice? `./dev bench mutants`."""
