"""Ask a check, as a lesson does."""

from course_utils import course


def check(name, *given):
    """Status and message of an exercise's check."""
    result = course.exercise(name).check(*given)
    return result.status, result.message
