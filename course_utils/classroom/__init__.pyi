from .collecting import collect as collect
from .example_class import write_example as write_example
from .exporting import export as export
from .grading import grade as grade
from .regrading import regrade as regrade
from .releasing import release as release
from .reporting import report as report
from .submission_judging import gradable as gradable
