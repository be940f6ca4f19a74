"""Show a photograph, and what ImageNet's network sees in it."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from course_utils.backbones.efficientnet_lite import imagenet_classes
from course_utils.evaluation.plotting import BLUE
from course_utils.machine import arguments, paths
from course_utils.machine.errors import CourseError
from course_utils.notebook.alternative_text import as_png
from course_utils.notebook.widget_fallback import Shown
from course_utils.pictures.picture_arrays import read_picture
from course_utils.pictures.two_photographs import sample_photographs

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
_SHOWN = 5  # classes


class NamedPhotograph(Shown):
    """A photograph beside the five likeliest of ImageNet's 1000 classes.

    Begins with a picture of the learner's own, if one lies in `work/`, else
    with scikit-learn's palace. In JupyterLab there is a list to choose from,
    and a button to upload a picture, which is kept in `work/`; elsewhere
    `choose` does it. No picture leaves the machine. Introduced in lesson 00
    (``00_start_here``), which does each step by hand.

    Args:
        classifier: A `keras.Model` with ImageNet's classes, as from
            `load_backbone("efficientnet_lite0", include_top=True)`.

    Attributes:
        name: Name of the photograph that is shown.
        picture: It, as a float32 array of the size that the network takes.

    Raises:
        CourseError: If the model has another input or other classes.
    """

    def __init__(self, classifier):
        """Looks for pictures, and chooses one."""
        self._classifier = classifier
        self._size = _picture_size(classifier)
        own = [
            name for name in self.names() if name not in sample_photographs()
        ]
        for name in [*own, "palace"]:
            try:
                self.choose(name)
                break
            except CourseError:  # A picture that cannot be read.
                continue

    def names(self):
        """Returns what can be chosen: the newest of one's own comes first."""
        try:
            files = [
                (path.stat().st_mtime, path.name)
                for path in paths.work_dir().iterdir()
                # Neither a folder, nor a link that leads nowhere.
                if path.suffix.lower() in _ENDINGS and path.is_file()
            ]
        except OSError:
            files = []
        own = [name for _, name in sorted(files, reverse=True)]
        return [*own, *sample_photographs()]

    def choose(self, name):
        """Chooses another photograph, and returns this to be shown again.

        Args:
            name: `"palace"`, `"flower"`, or the name of a file in `work/`.

        Raises:
            CourseError: If there is no such picture, or it cannot be read.
        """
        names = self.names()
        if not isinstance(name, str) or name not in names:
            raise CourseError(
                f"There is no picture {name!r}: choose one of "
                f"{', '.join(map(repr, names))}, or put a picture into "
                f"{paths.work_dir()}."
            )
        samples = sample_photographs()
        if name in samples:
            sample = Image.fromarray(samples[name])
            fitted = ImageOps.fit(sample, self._size[::-1])
            self.picture = np.asarray(fitted, "float32")
        else:
            self.picture = read_picture(paths.work_dir() / name, self._size)
        self.name = name
        batch = self.picture[np.newaxis]
        self._probabilities = np.asarray(self._classifier(batch))[0]
        if self._view is not None:
            self._draw_view()
        return self

    def top(self):
        """Returns pairs of class name and probability, the likeliest first."""
        best = np.argsort(self._probabilities)[::-1][:_SHOWN]
        names = imagenet_classes()
        return [(names[i], float(self._probabilities[i])) for i in best]

    def describe(self):
        """Says in a sentence what the picture shows."""
        seen = ", ".join(f"{name} {share:.0%}" for name, share in self.top())
        return (
            f"The figure shows the photograph {self.name!r}, and beside it "
            f"what the network sees: {seen}."
        )

    def __repr__(self):
        """Says in words what the picture shows, and what can be done."""
        return f"{self.describe()} .choose(name) shows another."

    def _picture(self):
        figure = Figure(figsize=(8, 3.2), layout="tight")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        left.imshow(self.picture.astype("uint8"))
        left.set(xticks=[], yticks=[])
        names, shares = zip(*self.top(), strict=True)
        right.barh(names, shares, color=BLUE)
        right.invert_yaxis()
        right.set(xlim=(0, 1), xlabel="probability")
        return as_png(figure)

    def _make_view(self):
        import ipywidgets

        from course_utils.notebook import chooser_widget

        self._list = chooser_widget.View(label="Photograph")
        self._upload = ipywidgets.FileUpload(
            accept="image/*",
            description="Upload one of yours",
            tooltip="A photograph: JPEG, PNG, WebP, BMP, GIF or TIFF",
        )
        self._upload.layout.width = "auto"
        self._upload.layout.align_self = "flex-start"
        self._upload.observe(self._on_upload, "value")
        self._list.observe(self._on_choice, "chosen")
        return ipywidgets.VBox([self._list, self._upload])

    def _draw_view(self):
        self._list.options = [[name, name] for name in self.names()]
        self._list.picture = self._picture()
        self._list.description = self.describe()
        self._list.chosen = self.name

    def _on_choice(self, change):
        if change["new"] != self.name:
            self._try(change["new"])

    def _on_upload(self, change):
        for file in change["new"]:
            self._try(Path(file["name"]).name, bytes(file["content"]))
        # Whoever saves the notebook would save the photograph in it.
        self._upload.value = ()

    def _try(self, name, content=None):
        self._list.told, new = "", None
        try:
            if content is not None:
                new = _keep(paths.work_dir() / name, content)
            self.choose(name)
        except (CourseError, OSError) as error:
            self._list.told = f"That did not work: {error}"
            self._list.chosen = self.name
            if new is not None:  # A picture that cannot be read.
                new.unlink(missing_ok=True)
                self._list.told = (
                    f"{name} cannot be read as a photograph of 8-bit colours, "
                    "and was not kept: save it as JPEG, and upload that."
                )


def _keep(path, content):
    """Writes a picture into the work folder, over no other.

    Returns:
        Its path; None where it was there already.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise CourseError("That is no picture file: choose a JPEG.")
    if path.is_file():
        if path.read_bytes() == content:
            return None
        raise CourseError(
            f"There is another picture {path.name!r} in {path.parent}: rename "
            "yours."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    paths.write_whole(path, content)
    return path


def _picture_size(classifier):
    """Returns the height and width that a network with all classes takes."""
    classes = (len(imagenet_classes()),)
    try:
        size = arguments.picture_size(classifier.input_shape[1:3])
        if classifier.output_shape[1:] == classes:
            return size
    except Exception:  # Whatever has no such shapes is no such model.
        pass
    raise CourseError(
        "The classifier takes no pictures of one size, or does not tell "
        "ImageNet's classes apart: pass load_backbone('efficientnet_lite0', "
        "include_top=True)."
    )
