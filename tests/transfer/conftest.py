"""What several tests of training need."""

import keras
import pytest


@pytest.fixture
def counted(monkeypatch):
    """The size of each batch that a backbone has really been asked for."""
    asked = []
    predict = keras.Model.predict_on_batch

    def count(model, images):
        asked.append(len(images))
        return predict(model, images)

    monkeypatch.setattr(keras.Model, "predict_on_batch", count)
    return asked
