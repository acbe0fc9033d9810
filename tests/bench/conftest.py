"""What pytest must not collect here."""

collect_ignore = ["freqtrade_driver.py"]  # runs in freqtrade's own environment, and imports what this one lacks
