"""Models that train in a second, for tests of what training does."""

import keras
import numpy as np
import tensorflow as tf

IMAGES = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 3))
LABELS = np.arange(16) % 2
# To cut arrays into batches takes Keras longer than to train on them.
ONE_BATCH = tf.data.Dataset.from_tensors((IMAGES.astype("float32"), LABELS))
TWO_BATCHES = ONE_BATCH.unbatch().batch(8, drop_remainder=True)


def base():
    x = inputs = keras.Input((8, 8, 3))
    for block in ("stem", "stage1_block1", "stage2_block1"):
        x = keras.layers.Conv2D(4, 3, name=f"{block}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{block}_bn")(x)
        x = keras.layers.ReLU(name=f"{block}_relu")(x)
    return keras.Model(inputs, x, name="base")


def functional(base_model, classes=2):
    inputs = keras.Input(base_model.input_shape[1:])
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, name="head")(x))


def sequential(base_model, classes=2):
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([base_model, pool, keras.layers.Dense(classes)])


class Subclassed(keras.Model):
    def __init__(self, base_model, classes=2):
        super().__init__()
        self.base_model = base_model
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(classes)

    def call(self, x, training=None):
        return self.head(self.pool(self.base_model(x, training=training)))

    def get_config(self):
        config = keras.saving.serialize_keras_object(self.base_model)
        return {"base_model": config}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["base_model"]))


def compiled(model, optimizer="sgd"):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    return model


def build(kind, base_model, optimizer="sgd"):
    model = kind(base_model)
    model(IMAGES[:1])
    return compiled(model, optimizer)


def fit(model, epochs=1):
    model.fit(TWO_BATCHES, epochs=epochs, shuffle=False, verbose=0)


KINDS = [functional, sequential, Subclassed]
