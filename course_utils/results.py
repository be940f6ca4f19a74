"""What a check or a question answers: a verdict, and why."""

import dataclasses

STATUSES = ("passed", "failed", "not attempted", "error")


@dataclasses.dataclass(frozen=True)
class Result:
    """The verdict on one answer.

    Attributes:
        name: Which exercise or question was judged, for example ``"sh-01"``.
        status: One of ``"passed"``, ``"failed"``, ``"not attempted"`` and
            ``"error"`` (the answer could not be judged).
        message: One or two sentences for the learner: what the answer shows,
            and where to look next.
    """

    name: str
    status: str
    message: str

    def __post_init__(self) -> None:
        """Refuse a status that no reader of results would expect."""
        if self.status not in STATUSES:
            raise ValueError(f"{self.status!r} is not one of {STATUSES}")

    def __repr__(self) -> str:
        """Show the verdict as the learner reads it."""
        return f"{self.name}: {self.status}. {self.message}"
