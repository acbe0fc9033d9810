"""The reviewer's desk: pages that combine telemetry, learning and overrides. It owns the theme."""
