"""The exercises of assignment A1, one in a file, and what they share."""
