"""What pytest must not collect here."""

# These run in environments of their own, and import what this one lacks.
collect_ignore = ["freqtrade_driver.py", "engine_peers_driver.py", "polars_driver.py"]
