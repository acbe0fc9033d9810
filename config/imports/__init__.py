"""Doors for files of closed trades: recording them, and a first look at them in memory."""
