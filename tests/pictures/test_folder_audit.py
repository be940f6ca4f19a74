"""Folders that nobody prepared: each gets a result or a sentence."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_utils.evaluation.intervals import wilson_interval
from course_utils.machine.errors import CourseError
from course_utils.pictures import picture_tables
from course_utils.pictures.audit_findings import FEW
from course_utils.pictures.folder_audit import (
    NEAR_BITS,
    audit_folder,
    split_folder,
)


def picture(seed, shape=(48, 48)):
    """A picture with structure of its own, as photographs have."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), "uint8"))
    return small.resize(shape[::-1], Image.Resampling.BICUBIC)


def fill(folder, label, count, first=0, suffix="png", **options):
    (folder / label).mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        path = folder / label / f"{seed:04}.{suffix}"
        picture(seed, **options).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two classes of ten pictures."""
    fill(tmp_path / "mine", "ants", 10)
    fill(tmp_path / "mine", "bees", 10, 100)
    return tmp_path / "mine"


def said(audit):
    return " ".join(f"{f.found} {f.done}" for f in audit.findings)


def parts(splits):
    return splits.table.value_counts(["label", "split"]).unstack(fill_value=0)


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# What goes well.


def test_a_tidy_folder_is_split_and_nothing_is_changed(folder):
    before = contents(folder)
    audit = audit_folder(str(folder), size=(32, 24))
    assert audit.class_names == ["ants", "bees"]
    assert audit.pictures.shape == (20, 32, 24, 3)
    splits = split_folder(audit, batch_size=8)
    assert contents(folder) == before
    assert splits.class_names == ["ants", "bees"]
    assert (parts(splits)[["test", "validation"]] == 2).all(axis=None)
    for name in picture_tables.SPLITS:
        rows = splits.table[splits.table["split"] == name]
        seen = [batch for batch, _ in getattr(splits, name)]
        seen = np.concatenate(seen)
        assert seen.shape == (len(rows), 32, 24, 3) and seen.dtype == "float32"
        assert len({image.tobytes() for image in seen}) == len(rows)
    labels = np.concatenate([y for _, y in splits.test])
    names = splits.table.query("split == 'test'")["label"]
    assert [splits.class_names[i] for i in labels] == list(names)


def test_the_parts_hold_the_pictures_of_their_rows(folder):
    audit = audit_folder(folder)
    splits = split_folder(audit)
    rows = splits.table.query("split == 'test'")
    images = np.concatenate([x for x, _ in splits.test])
    files = list(audit.rows["file"])
    for image, file in zip(images, rows["file"], strict=True):
        np.testing.assert_array_equal(image, audit.pictures[files.index(file)])


def test_a_seed_fixes_the_split_and_training_is_shuffled(folder):
    audit = audit_folder(folder)
    first, again = split_folder(audit), split_folder(audit)
    assert first.table.equals(again.table)
    assert not first.table.equals(split_folder(audit, seed=1).table)
    epochs = [np.concatenate([y for _, y in first.train]) for _ in range(9)]
    assert len({epoch.tobytes() for epoch in epochs}) > 1
    # Of whole classes after each other, not of neighbours.
    assert all(len(set(epoch[: len(epoch) // 2])) == 2 for epoch in epochs)
    one, two = (next(iter(first.test))[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_each_share_is_that_of_its_part(folder):
    splits = split_folder(audit_folder(folder), validation=0.1, test=0.3)
    counts = parts(splits)[["train", "validation", "test"]]
    assert (counts == [6, 1, 3]).all(axis=None)


def test_ten_classes_heavy_imbalance_and_odd_names(tmp_path):
    names = [f"class {i}" for i in range(8)] + ["Äpfel & Nüsse <b>", "蜂"]
    for number, name in enumerate(names):
        count = 60 if number == 0 else 6
        fill(tmp_path, name, count, 100 * number, shape=(16, 16))
    audit = audit_folder(tmp_path)
    assert audit.class_names == sorted(names)
    assert "10.0 times as many" in said(audit)
    assert "right for 53%: judge by the recall" in said(audit)
    assert "Few pictures" in said(audit)
    counts = parts(split_folder(audit))
    assert (counts > 0).all(axis=None)
    assert counts.loc["class 0", list(picture_tables.SPLITS)].to_list() == [
        36,
        12,
        12,
    ]
    html = audit._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html


def test_a_class_of_three_pictures_has_one_in_each_part(folder):
    fill(folder, "cats", 3, 300)
    audit = audit_folder(folder)
    assert "'cats' (3)" in said(audit)
    assert (parts(split_folder(audit)).loc["cats"] == 1).all()


def test_a_class_of_two_pictures_is_left_out(folder):
    fill(folder, "cats", 2, 300)
    audit = audit_folder(folder)
    assert "Too small to be in all three parts: 'cats' (2 pict" in said(audit)
    assert split_folder(audit).class_names == ["ants", "bees"]
    assert audit.counts.loc["cats"].to_list() == [2, 0]


def test_nested_folders_belong_to_the_class_above(folder):
    fill(folder / "ants", "2024/summer", 4, 300)
    audit = audit_folder(folder)
    assert audit.counts["used"].to_dict() == {"ants": 14, "bees": 10}
    assert "ants/2024/summer/0300.png" in set(audit.rows["file"])


def test_what_systems_leave_behind_is_passed_over(folder):
    for name in (".DS_Store", "Thumbs.db", "ants/.hidden.png"):
        (folder / name).write_bytes(b"x")
    fill(folder, "__MACOSX/ants", 3)
    fill(folder, ".ipynb_checkpoints", 3)
    (folder / "notes.txt").write_text("loose")
    (folder / "empty").mkdir()
    audit = audit_folder(folder)
    assert len(audit.rows) == 20
    assert "1 file beside the folders of the classes ('notes.txt')" in said(
        audit
    )
    assert "No file in 'empty'. This makes no class." in said(audit)


def test_a_linked_class_is_followed_and_a_circle_is_not(folder, tmp_path):
    fill(tmp_path, "elsewhere", 5, 300)
    try:
        (folder / "cats").symlink_to(tmp_path / "elsewhere")
        (folder / "ants" / "round").symlink_to(folder)
    except OSError:
        pytest.skip("no links here")
    audit = audit_folder(folder)
    assert audit.counts["files"].to_dict() == {
        "ants": 10,
        "bees": 10,
        "cats": 5,
    }


# Files of all kinds.


def test_broken_files_are_named_and_left_out(folder):
    whole = (folder / "ants" / "0000.png").read_bytes()
    (folder / "ants" / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "ants" / "empty.jpg").write_bytes(b"")
    (folder / "bees" / "list.txt").write_text("I am no picture")
    Image.fromarray(np.uint16([[0, 65535]])).save(folder / "bees" / "deep.png")
    audit = audit_folder(folder)
    assert "4 files cannot be read: " in said(audit)
    assert "'ants/empty.jpg' is empty (0 bytes)" in said(audit)
    assert "and 1 more" in said(audit)
    rows = audit.rows.set_index("file")
    assert "more" not in rows.left_out["ants/half.png"]
    assert rows.left_out["ants/half.png"].startswith("is broken")
    assert rows.left_out["bees/deep.png"].startswith("holds values from 0")
    assert len(audit.used) == 20 and len(split_folder(audit).table) == 20


def test_photographs_turned_animated_and_in_other_modes(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(300, (2000, 3000)).save(folder / "ants" / "big.jpg", exif=exif)
    frames = [picture(301), picture(302), picture(303)]
    frames[0].save(
        folder / "ants" / "moving.gif", save_all=True, append_images=frames[1:]
    )
    picture(304).convert("L").save(folder / "bees" / "grey.png")
    picture(305).convert("CMYK").save(folder / "bees" / "print.jpg")
    audit = audit_folder(folder)
    assert len(audit.used) == 24
    row = audit.rows.set_index("file").loc["ants/big.jpg"]
    assert (row.width, row.height, row.turned) == (2000, 3000, True)
    assert "1 picture with a camera's note of how it was held" in said(audit)
    assert "1 picture with several frames ('ants/moving.gif')" in said(audit)
    assert "1 L" in said(audit) and "1 CMYK" in said(audit)
    assert "48 x 48 pixels (the smallest) to 2000 x 3000" in said(audit)
    assert "up to 33% of a picture" in said(audit)
    assert "23 are enlarged" in said(audit)


def test_a_format_that_tells_the_class_is_told(tmp_path):
    fill(tmp_path, "ants", 6)
    fill(tmp_path, "bees", 6, 100, suffix="jpg")
    assert "The format of the files tells the class of 100%" in said(
        audit_folder(tmp_path)
    )


def test_a_format_that_tells_a_class_of_six_is_told(tmp_path):
    # By accuracy, whoever looks at nothing has 98 of 100 right already.
    fill(tmp_path, "good", 300, shape=(8, 8))
    fill(tmp_path, "bad", 6, 1000, suffix="jpg", shape=(8, 8))
    told = "format of the files tells the class of 100% of them, in the mean"
    assert told in said(audit_folder(tmp_path, size=(8, 8)))
    for number, path in enumerate(sorted((tmp_path / "bad").iterdir())):
        if number != 0:
            Image.open(path).save(path.with_suffix(".png"))
            path.unlink()
    assert "tells the class" not in said(audit_folder(tmp_path, size=(8, 8)))


def test_one_class_that_outweighs_all_is_told_at_any_ratio(tmp_path):
    fill(tmp_path, "good", 30, shape=(16, 16))
    fill(tmp_path, "bad", 15, 1000, shape=(16, 16))
    audit = audit_folder(tmp_path)
    assert "'good' has 2.0 times as many" in said(audit)
    assert "right for 67%" in said(audit) and "class_weight" in said(audit)
    for seed in range(2000, 2010):
        picture(seed, (16, 16)).save(tmp_path / "bad" / f"{seed}.png")
    assert "times as many" not in said(audit_folder(tmp_path))


def test_few_is_what_leaves_wilsons_interval_wide():
    tested = FEW // 5
    widths = [
        np.subtract(*wilson_interval(right, tested)[::-1])
        for right in range(tested + 1)
    ]
    assert 0.19 < max(widths) < 0.2


# Doubles.


def test_what_differs_in_detail_only_is_kept_in_one_part(folder):
    # A chessboard of single pixels, that only the full size tells apart.
    plain = np.full((128, 128, 3), 120, "uint8")
    plain[40:80, 30:90] = 30
    board = plain.copy()
    board[::2, ::2] += 4
    board[1::2, 1::2] -= 4
    Image.fromarray(plain).save(folder / "ants" / "plain.png")
    Image.fromarray(board).save(folder / "ants" / "board.png")
    Image.fromarray(plain).save(folder / "ants" / "plain_copy.bmp")
    Image.fromarray(board).save(folder / "bees" / "board.png")
    sizes = {"size": (16, 16)}
    audit = audit_folder(folder, **sizes)
    rows = audit.rows.set_index("file")
    assert (audit.pictures[rows.index.get_indexer(["ants/plain.png"])]).any()
    assert rows.left_out["ants/plain.png"] == ""
    assert "copy" in rows.left_out["ants/plain_copy.bmp"]
    for label in ("ants", "bees"):
        assert "two classes" in rows.left_out[f"{label}/board.png"]
    assert "or the classes overlap" in said(audit)
    (folder / "bees" / "board.png").unlink()
    rows = audit_folder(folder, near_bits=-1, **sizes).rows.set_index("file")
    assert rows.left_out["ants/board.png"] == ""
    assert rows.group["ants/board.png"] == rows.group["ants/plain.png"]


def test_exact_copies_are_left_out_and_contradictions_too(folder):
    for name in ("copy.png", "again.png"):
        picture(0).save(folder / "ants" / name)
    picture(100).save(folder / "ants" / "mislabelled.png")
    audit = audit_folder(folder)
    assert "2 exact copies of another picture" in said(audit)
    assert "2 files are pictures that lie in more than one class" in said(audit)
    left_out = audit.rows[audit.rows["left_out"] != ""]["file"]
    assert "bees/0100.png" in set(left_out) and len(left_out) == 4
    assert set(audit.rows["group"][left_out.index]) == {-1}


def test_near_duplicates_stay_in_one_part(folder):
    for seed in range(5):
        # (Resized, brighter, and saved anew with losses.)
        image = picture(seed).resize((40, 40)).point(lambda v: v * 1.1)
        image.save(folder / "ants" / f"near{seed}.jpg", quality=70)
    audit = audit_folder(folder)
    assert "10 pictures in 5 groups are near-duplicates" in said(audit)
    assert "(the largest group has 2: 'ants/000" in said(audit)
    assert f"take a near_bits below {NEAR_BITS}" in said(audit)
    assert "wrong labels" not in said(audit)
    for seed in range(5):
        table = split_folder(audit, seed=seed).table.set_index("file")["split"]
        for number in range(5):
            one, two = f"ants/000{number}.png", f"ants/near{number}.jpg"
            assert table[one] == table[two]
    assert audit_folder(folder, near_bits=-1).used["group"].is_unique
    assert 36 <= NEAR_BITS < 70, "see benchmarks/near_duplicates.py"


def test_near_duplicates_in_two_classes_are_told(folder):
    picture(0).save(folder / "bees" / "zero.jpg", quality=90)
    audit = audit_folder(folder)
    assert "in 1 groups are near-duplicates" in said(audit)
    assert "1 group across classes" in said(audit)
    assert "unless the classes overlap" in said(audit)
    table = split_folder(audit).table.set_index("file")["split"]
    assert table["ants/0000.png"] == table["bees/zero.jpg"]


def test_what_belongs_together_by_name_stays_in_one_part(folder):
    fill(folder, "ants", 20, 10)
    fill(folder, "bees", 20, 110)

    def patient(path):
        return int(path.stem) // 5

    audit = audit_folder(folder, group_of=patient)
    assert "60 pictures in 12 groups are of one group" in said(audit)
    table = split_folder(audit).table
    groups = table["file"].str.slice(5, 9).astype(int) // 5
    assert (table.groupby(groups)["split"].nunique() == 1).all()
    assert table.groupby("label")["split"].nunique().min() == 3


@pytest.mark.parametrize("sizes", [(20, 20, 20), (50, 5, 5), (30, 28, 1, 1)])
def test_large_groups_leave_no_part_empty(tmp_path, sizes):
    for label, first in (("a", 0), ("b", 1000)):
        fill(tmp_path, label, sum(sizes), first, shape=(12, 12))
    bounds = np.cumsum(sizes)

    def group_of(path):
        number = int(path.stem)
        return number // 1000, np.searchsorted(bounds, number % 1000, "right")

    audit = audit_folder(tmp_path, size=(8, 8), group_of=group_of)
    assert (parts(split_folder(audit)) > 0).all(axis=None)


# What cannot be done is a sentence.


def test_one_class_is_audited_and_not_split(tmp_path):
    fill(tmp_path, "ants", 5)
    audit = audit_folder(tmp_path)
    assert "There is one class that can be used." in said(audit)
    with pytest.raises(CourseError, match="has 1 class .*'ants'.*two apart"):
        split_folder(audit)


def test_each_picture_in_two_classes_is_audited_and_not_split(tmp_path):
    fill(tmp_path, "ants", 4)
    fill(tmp_path, "bees", 4)
    audit = audit_folder(tmp_path)
    assert "8 files are pictures that lie in more than one" in said(audit)
    with pytest.raises(CourseError, match="has 0 classes"):
        split_folder(audit)


def test_no_class_left_is_audited_and_not_split(tmp_path):
    fill(tmp_path, "ants", 2)
    fill(tmp_path, "bees", 2, 100)
    audit = audit_folder(tmp_path)
    assert "4 files" in audit.summary() and "no class" in repr(audit)
    with pytest.raises(CourseError, match="has 0 classes"):
        split_folder(audit)


def hidden_only(folder):
    (folder / "ants").mkdir(parents=True)
    (folder / "ants" / ".hidden").write_text("")


def loose(folder):
    fill(folder, ".", 2)


def text_only(folder):
    (folder / "ants").mkdir(parents=True)
    (folder / "ants" / "a.txt").write_text("no")


def in_parts(folder):
    for part in ("train", "Test", "val"):
        fill(folder / part, "ants", 1)


def wrapped(folder):
    fill(folder / "unpacked", "ants", 1)
    fill(folder / "unpacked", "bees", 1)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda folder: None, "does not exist: give the path"),
        (lambda folder: folder.write_text(""), "is a file: give the path"),
        (lambda folder: folder.mkdir(), "holds no folders"),
        (loose, r"holds no folders \(2 files\)"),
        (hidden_only, "hold no files"),
        (text_only, "None of the 1 files.*ants/a.txt, is no picture"),
        (in_parts, "named like parts.*such as .*mine.train, which"),
        (wrapped, "single folder, 'unpacked'.*give .*mine/unpacked"),
    ],
)
def test_a_folder_that_is_none_is_a_sentence(tmp_path, make, problem):
    make(tmp_path / "mine")
    with pytest.raises(CourseError, match=problem):
        audit_folder(tmp_path / "mine")


def test_names_that_are_no_text(folder):
    try:
        (folder / "ants" / "caf\udce9.png").write_text("no picture")
        (folder / "wei\udcdf").mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this system does not allow such names")
    with pytest.raises(CourseError, match="'wei.udcdf' has bytes"):
        audit_folder(folder)
    (folder / "wei\udcdf").rmdir()
    print(audit_folder(folder))


def test_a_folder_that_may_not_be_read_is_a_sentence(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(CourseError, match="mine may not be read"):
        audit_folder(folder)


def test_too_much_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr("course_utils.pictures.folder_audit.read_file", None)
    with pytest.raises(CourseError, match="need 245,760 bytes.*budget_bytes"):
        audit_folder(folder, budget_bytes=245_759)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"validation": 0.5, "test": 0.5}, "leave a part empty"),
        ({"test": 0}, "leave a part empty"),
        (
            {"test": "a fifth"},
            "test is 'a fifth', and a finite number from 0 to 1",
        ),
        (
            {"validation": "a fifth"},
            "validation is 'a fifth', and a finite number from 0 to 1",
        ),
        ({"batch_size": 0}, "batch_size is 0, and a whole number from 1"),
    ],
)
def test_shares_that_are_none_are_refused(folder, options, problem):
    with pytest.raises(CourseError, match=problem):
        split_folder(audit_folder(folder), **options)


def test_groups_that_no_split_can_keep_whole_are_refused(tmp_path):
    # The lines of the Fano plane: whatever the parts of its seven points,
    # some line has not all three.
    lines = "012", "034", "056", "135", "146", "236", "245"
    for number, line in enumerate(lines):
        for point in line:
            seed = 10 * number + int(point)
            fill(tmp_path, f"class{number}", 1, seed, shape=(12, 12))
    audit = audit_folder(tmp_path, group_of=lambda path: int(path.stem) % 10)
    assert len(audit.class_names) == 7
    with pytest.raises(CourseError, match="is left for .* go together"):
        split_folder(audit)


@pytest.mark.parametrize("nothing", [None, "", float("nan"), pd.NA, pd.NaT])
def test_a_group_without_a_name_is_a_sentence(folder, nothing):
    with pytest.raises(CourseError, match="all such files would be one group"):
        audit_folder(folder, group_of=lambda path: nothing)


def test_a_group_of_that_fails_is_a_sentence(folder):
    with pytest.raises(CourseError, match="failed for 'ants/0000.png' .Index"):
        audit_folder(folder, group_of=lambda path: path.stem.split("_")[1])


def test_what_is_no_path_and_no_audit_is_a_sentence(folder):
    with pytest.raises(
        CourseError, match="path as text for folder, not Ellipsis"
    ):
        audit_folder(...)
    with pytest.raises(CourseError, match="Expected an audit, not .*Path"):
        split_folder(folder)


def test_a_size_that_is_none_is_refused(folder):
    with pytest.raises(CourseError, match="size is 64, and a pair"):
        audit_folder(folder, size=64)
