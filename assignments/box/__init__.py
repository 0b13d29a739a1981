"""What runs inside the closed process: nothing here knows an answer."""
