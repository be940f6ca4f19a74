from .efficientnet_lite import imagenet_classes as imagenet_classes
from .efficientnet_lite import top_classes as top_classes
from .preprocessing import PictureScaling as PictureScaling
from .pretrained import load_backbone as load_backbone
from .source_task_heads import source_accuracy as source_accuracy
from .source_task_heads import with_old_heads as with_old_heads
