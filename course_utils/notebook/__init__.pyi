from .claim_browser import ClaimBrowser as ClaimBrowser
from .explorer import Explorer as Explorer
from .guess_wall import GuessWall as GuessWall
from .live_training import LiveTraining as LiveTraining
from .photograph_display import NamedPhotograph as NamedPhotograph
