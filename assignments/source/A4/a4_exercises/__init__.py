"""The exercises of assignment A4, one in a file."""
