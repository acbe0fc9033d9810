"""What was learned, as geometry for SVG templates: numbers in, positions and words out; no rows, no markup."""
