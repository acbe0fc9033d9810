"""Files of closed trades as rows of payloads that `parse_trade` takes. Bytes in, no database, no clock.

JSON lines (`json_lines`), flat CSV (`flat`) and what freqtrade writes (`freqtrade`); `files` tells them apart.
"""
