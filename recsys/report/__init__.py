"""What people read of a week: its exam, its gates and verdict, how the last lists did, one page.

Markdown, which a log and MLflow both take; no table in it is wider than a terminal.
"""

from recsys.report.decision import Question, gates_list, proposal, verdict
from recsys.report.exam import ExamPage, exam_metrics, exam_page
from recsys.report.lists import observed_metrics, observed_table
from recsys.report.sections import counts_line
from recsys.report.week import WeekPage, week_page

__all__ = [
    "ExamPage",
    "Question",
    "WeekPage",
    "counts_line",
    "exam_metrics",
    "exam_page",
    "gates_list",
    "observed_metrics",
    "observed_table",
    "proposal",
    "verdict",
    "week_page",
]
