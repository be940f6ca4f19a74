"""Give a model back as it was, where a training fails."""

import contextlib

from course_utils.transfer.compiling import compile_settings


@contextlib.contextmanager
def restored_on_error(model):
    """Restores weights, flags and optimizer if what runs within raises.

    Args:
        model: A compiled and built `keras.Model`. After an error it is
            compiled as before, with the very optimizer that it had.
    """
    settings, optimizer = compile_settings(model), model.optimizer
    weights = model.get_weights()
    layers = [(layer, layer.trainable) for layer in model._flatten_layers()]
    variables = [(variable, variable.trainable) for variable in model.variables]
    try:
        yield
    except BaseException:
        # From the outside in, since a flag is passed on to what is within.
        for part, flag in layers + variables:
            part.trainable = flag
        if model.optimizer is not optimizer:
            model.compile(**{**settings, "optimizer": optimizer})
            # Keras may wrap it again.
            model.optimizer = optimizer
        model.set_weights(weights)
        raise
