"""Tests of the drawn tissue, and of the archive that was made from it."""

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

from course_utils.machine import data_files
from tools import make_data
from tools.generators import histology

SEED = 5


@pytest.fixture(scope="module")
def card():
    return data_files.card("datasets", "histology")


@pytest.fixture(scope="module")
def archive():
    """The members of the committed archive, pictures as arrays."""
    path = data_files.verified_file("datasets", "histology")
    members = {}
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            members[name] = file.read(name)
            if name != "table.csv":
                with Image.open(io.BytesIO(members[name])) as image:
                    members[name] = np.asarray(image)
    return members


@pytest.fixture(scope="module")
def table(archive):
    text = archive["table.csv"].decode()
    return list(csv.DictReader(io.StringIO(text)))


def select(table, **wanted):
    return [r for r in table if all(r[k] == v for k, v in wanted.items())]


def auc(scores, rows):
    """Area under the ROC curve of scores for the malignant."""
    malignant = np.array([row["label"] == "malignant" for row in rows])
    ranks = stats.rankdata(scores)[malignant]
    return (ranks.mean() - (len(ranks) + 1) / 2) / (~malignant).sum()


def test_field_and_scan_depend_on_their_numbers_only():
    field = histology.make_field(SEED, 3, 1)
    picture = histology.make_picture(SEED, 3, 1, "B")
    assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8
    again = histology.make_field(SEED, 3, 1)
    np.testing.assert_array_equal(field.density, again.density)
    np.testing.assert_array_equal(field.mask, again.mask)
    np.testing.assert_array_equal(
        picture, histology.make_picture(SEED, 3, 1, "B")
    )
    for others in ((6, 3, 1, "B"), (SEED, 2, 1, "B"), (SEED, 3, 0, "B")):
        assert not np.array_equal(picture, histology.make_picture(*others))


def test_patients_come_in_matched_pairs():
    people = [histology.make_patient(SEED, n) for n in range(400)]
    labels = np.array([p.label for p in people])
    assert (labels[::2] + labels[1::2] == 1).all()
    # Which of the two comes first says nothing.
    assert 70 < labels[::2].sum() < 130
    for name, matched in (("eosin", True), ("tissue", False)):
        values = np.array([getattr(p, name) for p in people])
        together = np.corrcoef(values[::2], values[1::2])[0, 1]
        assert together > 0.7 if matched else abs(together) < 0.2
    atypia = np.array([p.atypia for p in people])
    gap = atypia[labels == 1].mean() - atypia[labels == 0].mean()
    assert gap == pytest.approx(histology.SEPARATION, abs=0.4)


def test_turning_colours_keeps_grey_and_amount():
    density = np.random.default_rng(0).random((4, 5, 3))
    turned = histology.turn_colours(density, 0.3)
    np.testing.assert_allclose(turned.sum(-1), density.sum(-1))
    np.testing.assert_allclose(
        np.linalg.norm(turned, axis=-1), np.linalg.norm(density, axis=-1)
    )
    grey = np.full((1, 3), 0.4)
    np.testing.assert_allclose(histology.turn_colours(grey, 0.3), grey)


def test_table_has_what_the_card_promises(card, table, archive):
    assert card["classes"] == list(histology.CLASSES)
    assert "No clinical use" in card["not_for"]
    assert "The circle" in card["known_limits"][0]
    assert f"seed is {make_data.HISTOLOGY_SEED}," in card["tuned"]
    columns = ["image", "mask", "split", "patient", "scanner", "label"]
    assert list(table[0]) == columns
    assert [row["image"] for row in table] == sorted(
        name for name in archive if name.startswith("images/")
    )
    assert {row["mask"] for row in table} == {
        name for name in archive if name.startswith("masks/")
    }
    assert {row["split"] for row in table} == set(card["pictures"])
    assert len(table) == sum(card["pictures"].values())
    for split, count in card["pictures"].items():
        rows = select(table, split=split)
        patients = {row["patient"] for row in rows}
        fields = {row["mask"] for row in rows}
        assert len(rows) == count
        assert len(patients) == card["patients"][split]
        wanted = len(patients) * card["fields_per_patient"][split]
        assert len(fields) == wanted
        for scanner in card["scanners"][split]:
            scanned = select(rows, scanner=scanner)
            assert {row["mask"] for row in scanned} == fields
    for row in table:
        stem = row["mask"].removeprefix("masks/").removesuffix(".png")
        assert row["image"] == f"images/{stem}_{row['scanner']}.jpg"
        assert stem.startswith(row["patient"])


def test_patients_are_disjoint_and_their_diagnoses_balanced(table):
    known = {(r["patient"], r["split"], r["label"]) for r in table}
    # One split and one diagnosis each.
    assert len(known) == len({patient for patient, _, _ in known})
    for split in {row["split"] for row in table}:
        labels = [label for _, s, label in known if s == split]
        assert labels.count("malignant") == len(labels) / 2


@pytest.mark.parametrize(
    ("split", "scanner", "margin"),
    [
        ("train", "A", 0.1),
        ("test", "A", 0.05),
        ("test", "B", 0.1),
        ("test", "C", 0.1),
    ],
)
def test_neither_stained_area_nor_colour_tells(
    table, archive, split, scanner, margin
):
    rows = select(table, split=split, scanner=scanner)
    area = [archive[row["mask"]].mean() for row in rows]
    assert auc(area, rows) == pytest.approx(0.5, abs=margin)
    for channel in range(3):
        mean = [archive[row["image"]][..., channel].mean() for row in rows]
        assert auc(mean, rows) == pytest.approx(0.5, abs=margin)


def test_malignant_nuclei_are_larger_and_fewer(table, archive):
    rows = select(table, split="test", scanner="A")
    count = [ndimage.label(archive[row["mask"]])[1] for row in rows]
    area = [archive[row["mask"]].sum() for row in rows]
    assert auc(count, rows) < 0.4
    # Larger in the mean, and yet benign and malignant overlap.
    assert 0.6 < auc(np.divide(area, count), rows) < 0.9


def test_masks_are_of_nuclei(table, archive):
    # Haematoxylin by stain separation, for which scanner A is made.
    vectors = np.vstack([histology.STAINS, histology.TISSUE])
    unmix = np.linalg.inv(vectors)
    excess = []
    for row in select(table, split="test", scanner="A"):
        mask = archive[row["mask"]]
        assert mask.dtype == bool and mask.shape == (64, 64)
        light = np.maximum(archive[row["image"]], 1) / 255
        haematoxylin = -np.log10(light) @ unmix[:, 0]
        excess.append(haematoxylin[mask].mean() - haematoxylin[~mask].mean())
        assert light[mask].mean() < light[~mask].mean() - 0.1
    assert min(excess) > 0.1 and np.median(excess) > 0.25


def test_scans_of_a_field_differ_and_are_registered(table, archive):
    rows = select(table, split="test")
    fields = {}
    for row in rows:
        fields.setdefault(row["mask"], {})[row["scanner"]] = row["image"]
    similar = []
    for scans in list(fields.values())[::4]:
        a, b, c = (archive[scans[s]].astype(float) for s in "ABC")
        for one, other in ((a, b), (a, c), (b, c)):
            assert np.abs(one - other).mean() > 5
            grey = one.mean(-1).ravel(), other.mean(-1).ravel()
            similar.append(np.corrcoef(*grey)[0, 1])
    assert min(similar) > 0.6 and np.median(similar) > 0.85
