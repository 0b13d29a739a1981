"""Commands behind the Makefile: building, checking and renewing the book."""
