"""The architectures of the course's own backbones, with random weights.

A backbone takes pictures with values from 0 to 255 and does its own
preprocessing in its first layer. What it gives back is a feature map, as with
``keras.applications`` models under ``include_top=False``; a head comes on
top.
"""

import keras
from keras import layers

from course_utils.backbones.preprocessing import PictureScaling

# The default of 0.99 is made for long trainings: in a short one the moving
# averages stay behind the batches, and inference then works with statistics
# of a network that no longer exists.
BATCH_NORM_MOMENTUM = 0.9

# Filters and residual blocks of each stage. Each stage after the first
# halves width and height.
RESIDUAL_STAGES = ((24, 1), (48, 2), (96, 1), (144, 1))


def build_residual(input_shape=(64, 64, 3), name="residual"):
    """Builds the course's residual network, with random weights.

    A small relative of ResNet: a convolution with stride 2, then four stages
    of residual blocks of two 3x3 convolutions each, with batch
    normalization. It has about 540,000 parameters. Introduced in lesson 00
    (``00_start_here``).

    Args:
        input_shape: Tuple `(height, width, 3)` in pixels; height and width
            should be multiples of 16. Defaults to `(64, 64, 3)`.
        name: String, the name of the model.

    Returns:
        A functional `keras.Model`. Input: pictures of
        shape `(batch, height, width, 3)` with values from 0 to 255 (uint8 or
        float). Output: a feature map of shape
        `(batch, height / 16, width / 16, 144)`, not negative.

    Reference:
        He, Zhang, Ren and Sun (2016), "Deep Residual Learning for Image
        Recognition", https://arxiv.org/abs/1512.03385
    """
    inputs = keras.Input(shape=input_shape, name="image")
    x = PictureScaling(name="preprocessing")(inputs)
    x = _convolution(x, RESIDUAL_STAGES[0][0], 3, "stem_conv", strides=2)
    x = layers.ReLU(name="stem_relu")(x)
    for stage, (filters, blocks) in enumerate(RESIDUAL_STAGES, start=1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _residual_block(
                x, filters, strides, f"stage{stage}_block{block}"
            )
    return keras.Model(inputs, x, name=name)


def _convolution(x, filters, kernel_size, name, strides=1):
    """Convolution without bias, then batch normalization."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,  # Batch normalization has one.
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, name=name.replace("conv", "bn")
    )(x)


def _residual_block(x, filters, strides, name):
    """Two 3x3 convolutions whose result is added to their input."""
    shortcut = x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, 1, f"{name}_conv0", strides)
    x = _convolution(x, filters, 3, f"{name}_conv1", strides)
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _convolution(x, filters, 3, f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu2")(x)


# Filters, blocks and stride of each group of inverted residual blocks, and how
# many times wider a block is inside than outside.
MOBILE_GROUPS = ((16, 1, 1), (32, 2, 2), (64, 3, 2), (128, 2, 2))
MOBILE_EXPANSION = 4  # but 1 in the first group, where pictures are large


def build_mobile(input_shape=(64, 64, 3), name="mobile"):
    """Builds the course's mobile network, with random weights.

    A small relative of MobileNetV2: inverted residual blocks whose 3x3
    convolutions are depthwise, each channel on its own. It has about 325,000
    parameters and needs fewer multiplications than the residual network;
    whether it is faster depends on the processor. Introduced in lesson 01
    (``01_pretrained_models``).

    Args:
        input_shape: Tuple `(height, width, 3)` in pixels; height and width
            should be multiples of 16. Defaults to `(64, 64, 3)`.
        name: String, the name of the model.

    Returns:
        A functional `keras.Model`. Input: pictures of shape
        `(batch, height, width, 3)` with values from 0 to 255. Output: a
        feature map of shape `(batch, height / 16, width / 16, 192)`, from 0
        to 6.

    Reference:
        Sandler, Howard, Zhu, Zhmoginov and Chen (2018), "MobileNetV2:
        Inverted Residuals and Linear Bottlenecks",
        https://arxiv.org/abs/1801.04381
    """
    inputs = keras.Input(shape=input_shape, name="image")
    x = PictureScaling(name="preprocessing")(inputs)
    x = _convolution(x, MOBILE_GROUPS[0][0], 3, "stem_conv", strides=2)
    x = layers.ReLU(6.0, name="stem_relu")(x)
    for group, (filters, blocks, stride) in enumerate(MOBILE_GROUPS, start=1):
        for block in range(1, blocks + 1):
            strides = stride if block == 1 else 1
            expansion = 1 if group == 1 else MOBILE_EXPANSION
            x = _inverted_residual_block(
                x, filters, strides, expansion, f"group{group}_block{block}"
            )
    x = _convolution(x, 192, 1, "last_conv")
    x = layers.ReLU(6.0, name="last_relu")(x)
    return keras.Model(inputs, x, name=name)


def _inverted_residual_block(x, filters, strides, expansion, name):
    """Widens, filters each channel on its own, and narrows again."""
    shortcut = x
    if expansion > 1:
        x = _convolution(x, expansion * x.shape[-1], 1, f"{name}_conv1")
        x = layers.ReLU(6.0, name=f"{name}_relu1")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_depthwise",
    )(x)
    x = layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, name=f"{name}_depthwise_bn"
    )(x)
    x = layers.ReLU(6.0, name=f"{name}_relu2")(x)
    x = _convolution(x, filters, 1, f"{name}_conv2")
    if strides == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


TRANSFORMER_STEM = (32, 64)  # filters; a third convolution makes the tokens
TRANSFORMER_WIDTH = 128
TRANSFORMER_BLOCKS = 5
TRANSFORMER_HEADS = 4


def build_vision_transformer(
    input_shape=(64, 64, 3), name="vision_transformer"
):
    """Builds the course's vision transformer, with random weights.

    Three convolutions with stride 2 make a token of each 8x8 pixels; five
    blocks of self-attention and a small network let the tokens look at each
    other. (The original cuts the picture into patches instead. With so short
    a pretraining it learned next to nothing that way; a stem of convolutions
    is a known remedy.) There is no batch normalization. It has about 750,000
    parameters. Introduced in lesson 01 (``01_pretrained_models``).

    Args:
        input_shape: Tuple `(height, width, 3)` in pixels; height and width
            must be multiples of 8. Defaults to `(64, 64, 3)`.
        name: String, the name of the model.

    Returns:
        A functional `keras.Model`. Input:
        pictures of shape `(batch, height, width, 3)` with values from 0 to
        255. Output: the tokens, laid out as a feature map of shape
        `(batch, height / 8, width / 8, 128)`.

    Reference:
        Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words:
        Transformers for Image Recognition at Scale",
        https://arxiv.org/abs/2010.11929; the stem: Xiao et al. (2021), "Early
        Convolutions Help Transformers See Better",
        https://arxiv.org/abs/2106.14881
    """
    inputs = keras.Input(shape=input_shape, name="image")
    x = PictureScaling(name="preprocessing")(inputs)
    for i, filters in enumerate(TRANSFORMER_STEM, start=1):
        x = layers.Conv2D(
            filters,
            3,
            strides=2,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            name=f"stem_conv{i}",
        )(x)
    x = layers.Conv2D(
        TRANSFORMER_WIDTH, 3, strides=2, padding="same", name="stem_tokens"
    )(x)
    rows, columns = x.shape[1:3]
    x = layers.Reshape((rows * columns, TRANSFORMER_WIDTH), name="tokens")(x)
    x = PositionEmbedding(name="positions")(x)
    for block in range(1, TRANSFORMER_BLOCKS + 1):
        x = _transformer_block(x, f"block{block}")
    x = layers.LayerNormalization(epsilon=1e-6, name="last_norm")(x)
    x = layers.Reshape((rows, columns, TRANSFORMER_WIDTH), name="map")(x)
    return keras.Model(inputs, x, name=name)


def _transformer_block(x, name):
    """Self-attention, then a network for each token; both add to `x`."""
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(
        TRANSFORMER_HEADS,
        TRANSFORMER_WIDTH // TRANSFORMER_HEADS,
        name=f"{name}_attention",
    )(y, y)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    y = layers.Dense(
        2 * TRANSFORMER_WIDTH, activation="gelu", name=f"{name}_dense1"
    )(y)
    y = layers.Dense(TRANSFORMER_WIDTH, name=f"{name}_dense2")(y)
    return layers.Add(name=f"{name}_add2")([x, y])


@keras.saving.register_keras_serializable("course_utils")
class PositionEmbedding(layers.Layer):
    """Adds a learned vector to each token, one a position.

    Input and output: tokens of shape `(batch, positions, width)`.
    """

    def build(self, input_shape):
        """Makes the vectors; see `keras.layers.Layer.build`."""
        self.vectors = self.add_weight(
            shape=input_shape[1:],
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="vectors",
        )

    def call(self, tokens):
        """Returns the tokens with their positions; see `Layer.call`."""
        return tokens + self.vectors
