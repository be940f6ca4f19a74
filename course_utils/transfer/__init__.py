"""Freeze, compile again, keep features, train in two phases: the heart."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
