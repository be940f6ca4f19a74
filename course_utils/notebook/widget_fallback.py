"""Show a widget where one is seen, and a picture with its text elsewhere."""

from course_utils.notebook import frontend
from course_utils.notebook.alternative_text import as_html


class Shown:
    """What a notebook shows of an object that has a picture.

    Whoever inherits from it has `describe`, which says what the picture shows;
    `_picture`, which returns it as PNG in base64; `_make_view`, which returns
    the widget; and `_draw_view`, which brings the widget up to date.
    """

    _view = None

    def _repr_mimebundle_(self, include=None, exclude=None):
        picture = self._picture()
        bundle = {
            "text/html": as_html(picture, self.describe()),
            "image/png": picture,
            "text/plain": repr(self),
        }
        if frontend.shows_widgets():
            if self._view is None:
                self._view = self._make_view()
            self._draw_view()
            bundle |= frontend.view_of(self._view)
        return bundle
