"""Files that leave the product: exports, and the audit evidence of a period."""
