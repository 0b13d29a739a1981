"""The grader's command, with three questions of A1 and five seconds for each answer.

python narrow_grade.py A1 submissions --out graded
"""

import sys
from functools import partial

from assignments import grade
from assignments.limits import Limits

KEYS = ("pad", "pool", "buckets")

if __name__ == "__main__":
    everything = grade.questions
    grade.questions = lambda a: [q for q in everything(a) if q.key in KEYS]
    grade.grade = partial(grade.grade, limits=Limits(seconds=5))  # type: ignore[assignment]
    sys.exit(grade.main())
