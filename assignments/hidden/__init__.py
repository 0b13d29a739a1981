"""Fresh inputs for grading: one module for each assignment, with ``FRESH`` by exercise."""
