"""What a learner sees in the page: cards, photographs, curves, explorers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
