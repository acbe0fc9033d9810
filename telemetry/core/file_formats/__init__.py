"""Parsers of files of closed trades: bytes in, rows of payloads for `parse_trade` out; no database, no clock.

The formats are JSON lines (`json_lines`), flat CSV (`flat_csv`) and the files of freqtrade (`freqtrade_files`);
`detect_format` tells them apart.
"""
