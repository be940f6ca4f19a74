"""Choose a claim of the ledger from a list, and see what was found."""

from matplotlib.figure import Figure

from course_utils.evaluation import ledger
from course_utils.notebook.alternative_text import as_png, describe
from course_utils.notebook.widget_fallback import Shown


class ClaimBrowser(Shown):
    """A list of all claims; the one that is chosen, as figure and in words.

    In JupyterLab the list answers to mouse and keyboard; where no widget can
    be shown, there is the figure, and `choose`. Introduced in lesson 03c
    (``03c_evidence``).

    Args:
        claim: The id of the claim to begin with.

    Attributes:
        claim: The id of the claim that is chosen.

    Raises:
        CourseError: If there is no such claim.
    """

    def __init__(self, claim="lower-rate"):
        """Opens the ledger at a claim."""
        self._sentences = ledger.claims()["sentence"]
        self.choose(claim)

    def choose(self, claim):
        """Chooses another claim, and returns the browser to be shown again.

        Args:
            claim: The id of a claim, such as `"lower-rate"`.

        Raises:
            CourseError: If there is no such claim.
        """
        figure = ledger.show(claim, Figure())
        self.claim, self._told = claim, describe(figure)
        self._png = as_png(figure)
        if self._view is not None:
            self._draw_view()
        return self

    def describe(self):
        """Says in words what the figure shows."""
        return self._told

    def __repr__(self):
        """Says in words what the figure shows, and what can be done."""
        return (
            f"{self._told} .choose(id) shows another claim, of "
            f"{', '.join(self._sentences.index)}."
        )

    def _picture(self):
        return self._png

    def _make_view(self):
        from course_utils.notebook import chooser_widget

        options = [list(pair) for pair in self._sentences.items()]
        view = chooser_widget.View(
            label="Claim", options=options, chosen=self.claim
        )
        view.observe(self._on_chosen, "chosen")
        return view

    def _on_chosen(self, change):
        if change["new"] != self.claim:
            self.choose(change["new"])

    def _draw_view(self):
        self._view.description, self._view.picture = self._told, self._png
        self._view.chosen = self.claim
