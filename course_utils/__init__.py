"""Helpers for the course on transfer learning and fine-tuning.

Importing this package is quick: it loads neither TensorFlow nor Keras.
``from course_utils import course`` is the learner's door; everything else lies
in a room, for example ``from course_utils.backbones import load_backbone``.
"""

import os

import lazy_loader

# Both must stand before TensorFlow and Keras are first imported: the course
# runs on Keras with TensorFlow whatever the user's Keras settings say, and
# TensorFlow's start-up log (level 0 and 1) would drown a lesson's first cell.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
