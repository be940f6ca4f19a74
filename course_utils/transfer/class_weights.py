"""Whether class weights fit the data, before a model is trained."""

from course_utils.machine.arguments import number
from course_utils.machine.errors import CourseError


def checked_class_weight(class_weight, checked):
    """Returns class weights as `fit` takes them, if they fit the data.

    Keras passes over a key that is no class, and fails in the first step for
    most else.

    Args:
        class_weight: Dict from the index of each class to a number from 0
            on; or None for none.
        checked: The training data, from `check_labels`.

    Raises:
        CourseError: If it is something else, if a class is missing or not
            known, or if it cannot go together with these data.
    """
    if class_weight is None:
        return None
    example = "class_weight={0: 1.0, 1: 2.5}"
    if not isinstance(class_weight, dict):
        raise CourseError(
            f"class_weight is of type {type(class_weight).__name__}, and "
            "expected is a dict from the index of each class to a number: "
            f"give for example {example}, or dict(enumerate(weights))."
        )
    if len(checked.batch) > 2:
        raise CourseError(
            "The training data have sample weights, which class_weight would "
            "replace: give one of them, or multiply the weights yourself."
        )
    if checked.labels is None or checked.ignored:
        raise CourseError(
            "class_weight needs one class a picture, and these labels or this "
            "loss tell none, or some to ignore: leave it out, and give sample "
            "weights as the third part of the training data."
        )
    expected = set(range(checked.classes))
    unknown = [key for key in class_weight if key not in expected]
    if unknown:
        raise CourseError(
            f"class_weight has the key {unknown[0]!r}, and expected is the "
            f"index of a class, from 0 to {checked.classes - 1}: use its "
            "place in class_names, class_names.index(name)."
        )
    if missing := sorted(expected - set(class_weight)):
        raise CourseError(
            f"class_weight has nothing for class {missing[0]}, and expected "
            f"is a number for each of {checked.classes} classes: give 1.0 "
            "where nothing is to change."
        )
    return {
        int(key): number(f"class_weight[{key}]", weight, 1.0, least=0)
        for key, weight in class_weight.items()
    }
