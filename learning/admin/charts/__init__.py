"""What the pages of learning draw: positions worked out here, drawn by the templates of `learning/`."""
