"""The page of misconceptions is made from the quizzes."""

from tools import list_misconceptions


def test_the_page_of_misconceptions_is_what_the_quizzes_say():
    assert list_misconceptions.PAGE.read_text("utf-8") == (
        list_misconceptions.page()
    ), "run python -m tools.list_misconceptions"
