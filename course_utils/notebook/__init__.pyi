from .explorer import Explorer as Explorer
from .live_training import LiveTraining as LiveTraining
