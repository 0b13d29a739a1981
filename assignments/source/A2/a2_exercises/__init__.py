"""The exercises of assignment A2, one in a file."""
