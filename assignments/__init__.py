"""Assignments, the checks that students run, and the grader.

``source`` holds one notebook for each assignment, with its solutions, and the checks that
students get. ``hidden`` makes the fresh inputs of grading and stays with the teacher.
"""
