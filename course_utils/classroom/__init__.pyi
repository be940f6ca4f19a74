from .class_report import report as report
from .collecting import collect as collect
from .example_class import write_example as write_example
from .grading import grade as grade
from .marks_export import export as export
from .regrading import regrade as regrade
from .releasing import release as release
from .submission_judging import gradable as gradable
