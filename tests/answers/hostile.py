"""Answers that nobody should give, and that a check survives."""

import itertools


class TextlessError(Exception):
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


def _nested(depth):
    made = []
    for _ in range(depth):
        made = [made]
    return made


# Each is made anew: an iterator can be used once.
KINDS = {
    "text of an error raises": lambda: raising(TextlessError()),
    "exits": lambda: raising(SystemExit(3)),
    "leaves a generator": lambda: raising(GeneratorExit()),
    "base exception": lambda: raising(BaseException("base")),
    "counts for ever": lambda: itertools.count(),
    "repeats a letter for ever": lambda: itertools.repeat("a"),
    "a dict of endless": lambda: {
        "north": itertools.count(),
        "west": Endless(),
    },
    "endless": lambda: Endless(),
    "a pair of endless": lambda: (Endless(), Endless()),
    "a huge range": lambda: range(10**12),
    "an unthinkable range": lambda: range(10**30),
    "text": lambda: "9" * 10**7,
    "a list of text": lambda: ["9" * 10**7] * 3,
    "bytes": lambda: b"9" * 10**7,
    "a huge number": lambda: 10**400,
    "complex": lambda: 1j,
    "deep": lambda: _nested(10_000),
}
