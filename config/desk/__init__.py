"""The reviewer's desk: pages that show facts, opinions and policy together. It owns the theme."""
