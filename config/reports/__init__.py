"""What leaves the product as files: exports, and the audit evidence of a period."""
