"""Data sets load as the lessons expect them."""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_utils.machine import data_files, paths
from course_utils.machine.data_files import card
from course_utils.machine.errors import CourseError
from course_utils.pictures.datasets import load_dataset
from course_utils.pictures.picture_tables import (
    from_table,
    load_masks,
    load_table,
)


@pytest.fixture(scope="module")
def defects():
    return load_dataset("defects", batch_size=50)


def test_images_are_batches_in_0_to_255(defects):
    images, labels = next(iter(defects.train))
    assert images.shape == (50, 64, 64, 3) and images.dtype == "float32"
    assert labels.shape == (50,) and labels.dtype == "int32"
    assert 0 <= np.min(images) < 64 and 128 < np.max(images) <= 255


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_every_class_has_as_many_pictures_as_the_card_says(defects, part):
    batches = [labels for _, labels in getattr(defects, part)]
    counts = np.bincount(np.concatenate(batches))
    facts = card("datasets", "defects")
    assert defects.class_names == facts["classes"]
    assert counts.tolist() == [facts["counts_per_class"][part]] * 6


def test_validation_and_test_keep_their_order_and_train_does_not(defects):
    def order(part):
        return np.concatenate([labels for _, labels in part]).tolist()

    assert (
        order(defects.test)
        == order(defects.test)
        == sorted(order(defects.test))
    )
    assert order(defects.train) != order(defects.train)


def test_no_picture_stands_in_two_parts(defects):
    def pictures(part):
        return {i.numpy().tobytes() for batch, _ in part for i in batch}

    train, validation, test = map(
        pictures, (defects.train, defects.validation, defects.test)
    )
    assert not train & validation and not (train | validation) & test


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(CourseError, match="did you mean 'defects'"):
        load_dataset("deffects")


def test_a_batch_size_that_is_none_is_refused():
    for batch_size in (0, -1, 2.5, "32"):
        with pytest.raises(
            CourseError, match="batch_size is .* a whole number"
        ):
            load_dataset("defects", batch_size=batch_size)


@pytest.mark.parametrize("name", data_files.names("datasets"))
def test_every_data_set_and_its_table_load(name):
    parts, table = load_dataset(name, batch_size=7), load_table(name)
    assert table.attrs["class_names"] == parts.class_names
    assert table["image"].is_unique
    for part in filter(None, (parts.train, parts.validation, parts.test)):
        images, _ = next(iter(part))
        assert images.shape == (7, 64, 64, 3) and images.dtype == "float32"
    images, _ = next(iter(from_table(table[-7:])))
    assert 0 <= np.min(images) < 128 < np.max(images) <= 255
    if "patient" in table:
        per_patient = table.groupby("patient")
        assert (per_patient["split"].nunique() == 1).all()
        assert (per_patient["label"].nunique() == 1).all()


# Flat data sets, made here as small as they can be.

CLASSES = ["benign", "malignant"]
LABELS = {"shape": ["disc", "ring"], "count": ["1", "2", "3"]}


def encoded(array, kind="JPEG", **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def field(number, colour=True):
    """A smooth picture; its number can be read in its brightness."""
    shape = (64, 64, 3) if colour else (64, 64)
    return np.full(shape, 4 * number, "uint8")


def add(data, name, members, facts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    content = buffer.getvalue()
    (data / "datasets" / f"{name}.zip").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    (data / "datasets" / f"{name}.toml").write_text(
        f'{facts}\n[file]\nname = "{name}.zip"\nbytes = {len(content)}\n'
        f'sha256 = "{digest}"\n'
    )


def small_histology():
    """Two patients a split (one a class), two fields each, three scanners."""
    rows, members = ["image,mask,split,patient,scanner,label"], {}
    patient = 0
    for split in ("train", "validation", "adaptation", "test"):
        scanners = {"adaptation": "BC", "test": "ABC"}.get(split, "A")
        for label in CLASSES:
            patient += 1
            for index in (1, 2):
                stem = f"p{patient:03d}_{index:02d}"
                mask = np.zeros((64, 64), bool)
                mask[:patient, :index] = True
                members[f"masks/{stem}.png"] = encoded(mask, "PNG")
                for scanner in scanners:
                    image = f"images/{stem}_{scanner}.jpg"
                    members[image] = encoded(field(patient))
                    rows.append(
                        f"{image},masks/{stem}.png,{split},{patient:03d},"
                        f"{scanner},{label}"
                    )
    members["table.csv"] = "\n".join(rows)
    return members


def small_source():
    rows, members = ["image,shape,count"], {}
    for index in range(5):
        image = f"images/{index:05d}.jpg"
        members[image] = encoded(field(index))
        shape, count = LABELS["shape"][index % 2], LABELS["count"][index % 3]
        rows.append(f"{image},{shape},{count}")
    members["table.csv"] = "\n".join(rows)
    return members


@pytest.fixture(scope="module")
def own_course(tmp_path_factory):
    """The flat data sets, and one with class folders, in a data/ of its own."""
    top = tmp_path_factory.mktemp("course")
    (top / "data" / "datasets").mkdir(parents=True)
    facts = "image_shape = [64, 64, 3]\nclasses = ['benign', 'malignant']"
    add(top / "data", "histology", small_histology(), facts)
    facts = "image_shape = [64, 64, 3]\n[labels]\n" + "\n".join(
        f"{name} = {values}" for name, values in LABELS.items()
    )
    add(top / "data", "source", small_source(), facts)
    near = {
        f"{split}/{label}/{label}_{index}.jpg": encoded(field(index, False))
        for split in ("test", "train", "validation")
        for label in ("none", "NA")
        for index in (1, 2)
    }
    add(top / "data", "near", near, "image_shape = [64, 64, 1]")
    return top


@pytest.fixture
def flat(own_course, monkeypatch):
    monkeypatch.setattr(paths, "course_dir", lambda: own_course)
    monkeypatch.setenv("COURSE_WORK", str(own_course / "work"))
    monkeypatch.delenv("COURSE_CACHE", raising=False)


@pytest.fixture
def histology(flat):
    return load_table("histology")


def all_of(batches):
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def numbers(images):
    """The numbers that `field` has put into pictures."""
    assert images.shape[1:] == (64, 64, 3) and images.dtype == "float32"
    return (images.mean(axis=(1, 2, 3)) / 4).round().astype(int).tolist()


def test_histology_is_split_by_patient_on_its_first_scanner(flat):
    parts = load_dataset("histology", batch_size=3)
    assert parts.class_names == CLASSES
    images, labels = all_of(parts.train)
    assert sorted(numbers(images)) == [1, 1, 2, 2]
    assert labels.dtype == "int32"
    assert labels.tolist() == [n - 1 for n in numbers(images)]
    assert numbers(all_of(parts.validation)[0]) == [3, 3, 4, 4]
    images, labels = all_of(parts.test)
    assert numbers(images) == [7, 7, 8, 8]
    assert labels.tolist() == [0, 0, 1, 1]


def test_source_has_test_pictures_only_with_a_dict_of_labels(flat):
    parts = load_dataset("source", batch_size=4)
    assert parts.train is None and parts.validation is None
    assert parts.class_names == LABELS
    (images, labels), (_, last) = parts.test
    assert numbers(images.numpy()) == [0, 1, 2, 3]
    assert set(labels) == set(LABELS) and labels["count"].dtype == "int32"
    assert labels["count"].numpy().tolist() == [0, 1, 2, 0]
    assert last["shape"].numpy().tolist() == [0]


def test_the_table_has_a_row_a_picture(histology):
    columns = ["image", "mask", "split", "patient", "scanner", "label"]
    assert histology.columns.tolist() == columns
    assert len(histology) == 4 + 4 + 8 + 12
    assert set(histology["patient"]) == {f"{n:03d}" for n in range(1, 9)}
    for column in ("image", "mask"):
        assert all(Path(p).is_absolute() for p in histology[column])
        assert all(Path(p).is_file() for p in histology[column])
    assert histology.attrs["class_names"] == CLASSES


def test_words_that_pandas_takes_for_missing_stay_words(flat):
    table = load_table("near")
    assert table.columns.tolist() == ["image", "split", "label"]
    assert set(table["label"]) == {"none", "NA"} and len(table) == 12
    assert table["split"].value_counts().to_dict() == dict.fromkeys(
        ("train", "validation", "test"), 4
    )
    assert set(load_table("source")["count"]) == set(LABELS["count"])


def test_class_folders_give_the_same_either_way(flat):
    parts = load_dataset("near", batch_size=3)
    table = load_table("near")
    assert table.attrs["class_names"] == parts.class_names == ["NA", "none"]
    images, labels = all_of(from_table(table[table["split"] == "test"]))
    expected = all_of(parts.test)
    np.testing.assert_array_equal(images, expected[0])
    np.testing.assert_array_equal(labels, expected[1])


def test_a_selection_of_one_class_keeps_its_index(histology):
    malignant = histology[histology["label"] == "malignant"]
    for selection in (
        malignant.query("split == 'test' and scanner == 'B'"),
        malignant.sample(3, random_state=0),
        malignant.reset_index(drop=True).sort_values("image"),
        pd.concat([malignant[:2], malignant[4:6]]),
        dict(list(malignant.groupby("scanner")))["C"],
    ):
        images, labels = all_of(from_table(selection))
        assert labels.tolist() == [1] * len(selection)
        patients = selection["patient"].astype(int).tolist()
        assert numbers(images) == patients


def test_rows_keep_their_order_unless_shuffled(histology):
    def order(batches):
        return numbers(all_of(batches)[0])

    rows = histology[::-1]
    patients = rows["patient"].astype(int).tolist()
    plain, shuffled = from_table(rows, 5), from_table(rows, 5, True, seed=3)
    assert order(plain) == order(plain) == patients
    first, second = order(shuffled), order(shuffled)
    assert first != second and sorted(first) == sorted(patients)
    assert order(from_table(rows, 5, True, seed=3)) == first
    assert order(from_table(rows, 5, True, seed=4)) != first
    assert len(plain) == 6


def test_the_first_shuffled_batch_is_drawn_from_all_rows(flat):
    table = pd.concat([load_table("near")] * 4).sort_values("label")
    _, labels = next(iter(from_table(table, 24, shuffle=True)))
    # In the order of the rows they would be of one class.
    assert 6 < labels.numpy().sum() < 18


def test_a_picture_made_smaller_is_a_mean_of_its_pixels(tmp_path):
    path = tmp_path / "board.png"
    pixels = np.random.default_rng(0).choice([0, 255], (64, 64)).astype("uint8")
    Image.fromarray(pixels).save(path)
    table = pd.DataFrame({"image": [str(path)], "label": ["a"]})
    batches = from_table(table, class_names=["a"], image_size=(8, 8))
    ((image,), _) = next(iter(batches))
    # Single pixels would be far from the middle.
    assert image.shape == (8, 8, 3) and abs(image.numpy() - 127.5).max() < 60


def test_a_table_made_by_hand_needs_its_class_names(histology):
    table = pd.DataFrame(
        {"image": histology["image"], "label": histology["label"]}
    )
    table.attrs.clear()
    with pytest.raises(CourseError, match="order of its classes.*class_names="):
        from_table(table)
    _, labels = all_of(from_table(table, class_names=CLASSES[::-1]))
    assert labels[0] == 1


def test_what_is_wrong_with_a_table_is_said_in_one_sentence(histology, flat):
    nobody = histology[histology["scanner"] == "D"]
    with pytest.raises(CourseError, match="has no row"):
        from_table(nobody)
    with pytest.raises(CourseError, match="no column 'label', it has 'image'"):
        from_table(histology[["image", "mask"]])
    with pytest.raises(CourseError, match="no column 'image'"):
        from_table(histology.drop(columns="image"))
    relabelled = histology.replace({"label": {"benign": "fine"}})
    with pytest.raises(CourseError, match="'fine', and the classes are 'ben"):
        from_table(relabelled)
    with pytest.raises(CourseError, match="Expected a table .*DataFrame"):
        from_table(histology["image"])
    with pytest.raises(CourseError, match="batch_size is .* a whole number"):
        from_table(histology, batch_size=0)
    lost = histology.assign(image=histology["image"] + ".gone")
    with pytest.raises(CourseError, match=r"28 of the 28 .*_A\.jpg\.gone"):
        from_table(lost)
    with pytest.raises(CourseError, match="no data set 'histologie'"):
        load_table("histologie")


def test_classes_are_named_once_and_labels_are_names(histology):
    with pytest.raises(CourseError, match="name is there twice"):
        from_table(histology, class_names=[*CLASSES, CLASSES[0]])
    lists = histology.assign(label=[["benign"]] * len(histology))
    with pytest.raises(CourseError, match="holds .*benign.*, and the classes"):
        from_table(lists)


def test_solar_cells_are_among_the_names_that_are_told():
    for load in (load_table, load_dataset):
        with pytest.raises(CourseError, match="did you mean 'solar_cells'"):
            load("solar-cells")


def test_masks_of_two_sizes_are_a_sentence(tmp_path):
    paths = [str(tmp_path / f"{side}.png") for side in (8, 9)]
    for path in paths:
        Image.new("L", [int(Path(path).stem)] * 2).save(path)
    with pytest.raises(CourseError, match="all pictures of one size"):
        load_masks(pd.DataFrame({"mask": paths}))


def test_masks_belong_to_the_rows(histology):
    rows = histology.query("split == 'test' and scanner == 'C'")[::-1]
    masks = load_masks(rows)
    assert masks.shape == (4, 64, 64) and masks.dtype == bool
    assert masks.sum(axis=(1, 2)).tolist() == [16, 8, 14, 7]
    assert masks[0, 7, 1] and not masks[0, 8, 1]


def test_without_masks_the_columns_are_named(flat):
    with pytest.raises(CourseError, match="no column 'mask', it has 'image'"):
        load_masks(load_table("near"))


def test_the_learners_door_loads_no_pandas():
    code = "import sys; from course_utils import course;"
    code += "print('pandas' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
