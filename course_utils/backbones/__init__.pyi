from .preprocessing import PictureScaling as PictureScaling
from .pretrained import load_backbone as load_backbone
from .source_task import source_accuracy as source_accuracy
from .source_task import with_old_heads as with_old_heads
