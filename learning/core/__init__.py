"""Pure learning: rows of judged actions in, cells, lessons and targets out. No database, no clock."""
