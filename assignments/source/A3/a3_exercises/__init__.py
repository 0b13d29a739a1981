"""The exercises of assignment A3, one in a file, and what they share."""
