"""Answers that nobody should give, and that a check survives."""

import itertools


class ErrorWithoutText(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def raising(error):
    """An object whose every way of being read raises."""

    def read(self, *given, **named):
        raise error

    names = (
        "__float__ __int__ __index__ __array__ __len__ __iter__ __getitem__"
        " __str__ __repr__ __eq__ __hash__ __bool__ __contains__ __lt__"
    )
    return type("Raising", (), dict.fromkeys(names.split(), read))()


class Endless:
    """A sequence that says it is short, and is not."""

    def __len__(self):
        return 2

    def __iter__(self):
        return itertools.repeat(0.5)

    def __getitem__(self, index):
        return 0.5


def make():
    """Hostile answers by name, made anew."""
    return {
        "text of an error raises": raising(ErrorWithoutText()),
        "exits": raising(SystemExit(3)),
        "leaves a generator": raising(GeneratorExit()),
        "base exception": raising(BaseException("base")),
        "counts for ever": itertools.count(),
        "repeats a letter for ever": itertools.repeat("a"),
        "a dict of endless": {"north": itertools.count(), "west": Endless()},
        "endless": Endless(),
        "a pair of endless": (Endless(), Endless()),
        "a huge range": range(10**12),
        "an unthinkable range": range(10**30),
        "text": "9" * 10**7,
        "a list of text": ["9" * 10**7] * 3,
        "bytes": b"9" * 10**7,
        "a huge number": 10**400,
        "complex": 1j,
        "deep": _nested(100_000),
    }


def _nested(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made
