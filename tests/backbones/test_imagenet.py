"""ImageNet backbones: downloaded once, or one sentence says what to do."""

import contextlib
import http.server
import socket
import threading

import h5py
import keras
import numpy as np
import pytest

from course_utils.backbones import imagenet, load_backbone
from course_utils.machine.errors import CourseError

SHAPE = (64, 64, 3)
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
EMBEDDED = 'take a backbone of the course, such as load_backbone("residual")'


@pytest.fixture(scope="module")
def served():
    """Random weights, and the file of them in the format of Keras's own."""
    model = keras.applications.MobileNetV2(
        input_shape=SHAPE, include_top=False, weights=None
    )
    return model.get_weights(), file_of_weights(model)


def file_of_weights(model):
    """The content of an HDF5 file as ``keras.applications`` downloads it."""
    with h5py.File("weights.h5", "w", driver="core", backing_store=False) as f:
        f.attrs["layer_names"] = [x.name.encode() for x in model.layers]
        for layer in model.layers:
            group = f.create_group(layer.name)
            names = [f"{layer.name}/{i}" for i in range(len(layer.weights))]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value
        f.flush()
        return f.id.get_file_image()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        if server.behaviour == "missing":
            self.send_error(404)
            return
        content = server.content
        self.send_response(200)
        if server.behaviour != "no length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if server.behaviour in ("cut", "no length"):
            content = content[: len(content) // 2]
        elif server.behaviour == "stalled":
            content = content[:5000]
        # Whoever has no room to store it hangs up.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content)
        if server.behaviour == "stalled":
            self.wfile.flush()
            server.released.wait(20)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(served, monkeypatch, tmp_path):
    """A server on this machine in place of the one that has the weights."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.behaviour, server.asked = served[1], "good", []
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    point_at(monkeypatch, server.server_port)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def point_at(monkeypatch, port):
    source = imagenet._SOURCES["mobilenet_v2"]
    file_name = source.url.rsplit("/", 1)[1]
    address = f"http://127.0.0.1:{port}/{file_name}"
    monkeypatch.setitem(
        imagenet._SOURCES,
        "mobilenet_v2",
        imagenet._Source(source.build, address, source.sides),
    )
    monkeypatch.setenv("no_proxy", "*")


def test_the_weights_are_those_that_were_served_and_are_kept(
    server, served, tmp_path, capsys, recwarn
):
    model = imagenet.load("mobilenet_v2", SHAPE)
    assert server.asked == [f"/{FILE}"]
    assert "Downloading data from" in capsys.readouterr().out
    assert (tmp_path / "keras" / "models" / FILE).read_bytes() == served[1]
    server.behaviour = "missing"
    again = imagenet.load("mobilenet_v2", SHAPE)
    assert len(server.asked) == 1
    for loaded in (model, again):
        for a, b in zip(loaded.get_weights(), served[0], strict=True):
            np.testing.assert_array_equal(a, b)

    # The shape is that of the course's own backbones.
    assert model.name == "mobilenet_v2" and model.trainable
    assert model.input_shape == (None, *SHAPE)
    assert model.output_shape == (None, 2, 2, 1280)
    assert not any(isinstance(x, keras.Model) for x in model.layers)
    assert model.layers[1].name == "preprocessing"
    images = np.random.default_rng(0).integers(0, 256, (2, *SHAPE))
    plain = keras.applications.MobileNetV2(
        input_shape=SHAPE, include_top=False, weights=None
    )
    plain.set_weights(served[0])
    by_hand = keras.applications.mobilenet_v2.preprocess_input(
        images.astype("float32")
    )
    np.testing.assert_allclose(
        model(images, training=False), plain(by_hand, training=False), atol=1e-5
    )
    assert not [w for w in recwarn if "structure" in str(w.message)]


def test_a_shape_of_ones_own_takes_the_largest_weights(server):
    model = imagenet.load("mobilenet_v2", (32, 96, 3))
    assert model.output_shape == (None, 1, 3, 1280)


@pytest.mark.parametrize("side", [96, 160, 224])
def test_it_asks_for_the_file_that_keras_itself_asks_for(side, monkeypatch):
    asked = []

    def get_file(fname, origin, **arguments):
        asked.append((fname, origin, arguments["cache_subdir"]))
        raise KeyboardInterrupt  # That is all there is to see.

    file_utils = keras.src.applications.mobilenet_v2.file_utils
    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setattr(keras.utils, "get_file", get_file)
    shape = (side, side, 3)
    with pytest.raises(KeyboardInterrupt):
        keras.applications.MobileNetV2(input_shape=shape, include_top=False)
    with pytest.raises(KeyboardInterrupt):
        imagenet.load("mobilenet_v2", shape)
    theirs, ours = asked
    assert ours[:2] == theirs[:2]


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ("missing", "404 -- Not Found"),
        ("cut", "retrieval incomplete: got only"),
        ("stalled", "timed out"),
    ],
)
def test_a_download_that_fails_is_named_and_can_be_repeated(
    server, served, tmp_path, monkeypatch, behaviour, problem
):
    server.behaviour = behaviour
    with monkeypatch.context() as impatient:
        impatient.setattr(imagenet, "TIMEOUT_SECONDS", 0.5)
        with pytest.raises(CourseError, match=problem) as raised:
            imagenet.load("mobilenet_v2", SHAPE)
    sentence = str(raised.value)
    assert "'mobilenet_v2' could not be downloaded" in sentence
    assert f"127.0.0.1:{server.server_port}" in sentence and FILE in sentence
    assert "connect to the internet" in sentence and EMBEDDED in sentence
    assert list((tmp_path / "keras" / "models").iterdir()) == []
    assert socket.getdefaulttimeout() is None
    server.behaviour = "good"
    model = imagenet.load("mobilenet_v2", SHAPE)
    np.testing.assert_array_equal(model.get_weights()[0], served[0][0])


def test_no_network_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # Nobody listens there.
        point_at(monkeypatch, closed.getsockname()[1])
        with pytest.raises(
            CourseError, match=r"refused.*load_backbone\(.residual"
        ):
            imagenet.load("mobilenet_v2", SHAPE)


def test_no_name_server_is_named(tmp_path, monkeypatch):
    def getaddrinfo(*arguments, **options):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    point_at(monkeypatch, 80)
    with pytest.raises(CourseError, match="failure in name.*connect to"):
        imagenet.load("mobilenet_v2", SHAPE)


def test_an_answer_that_is_no_http_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def answer(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-something\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=[listening])
        thread.start()
        point_at(monkeypatch, listening.getsockname()[1])
        with pytest.raises(CourseError, match="downloaded from .*SSH-2"):
            imagenet.load("mobilenet_v2", SHAPE)
        thread.join()


@pytest.mark.parametrize("kind", ["truncated", "a page", "other weights"])
def test_a_broken_file_is_named_and_its_remedy_works(
    server, served, tmp_path, kind
):
    if kind == "truncated":  # A server that says no length can be cut unseen.
        server.behaviour = "no length"
    elif kind == "a page":  # What hotels answer to whoever has not signed in.
        server.content = b"<html>Welcome! Please sign in.</html>"
    else:
        server.content = file_of_weights(
            keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        )
    with pytest.raises(CourseError, match="is broken, or") as raised:
        imagenet.load("mobilenet_v2", SHAPE)
    path = tmp_path / "keras" / "models" / FILE
    assert str(path) in str(raised.value) and EMBEDDED in str(raised.value)
    server.behaviour, server.content = "good", served[1]
    path.unlink()
    imagenet.load("mobilenet_v2", SHAPE)


def link(folder, tmp_path):
    """Make `folder` the one that weights are stored in."""
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "models").symlink_to(folder)


def test_a_read_only_cache_gets_one_sentence(
    server, read_only_folder, tmp_path
):
    link(read_only_folder, tmp_path)
    with pytest.raises(CourseError, match="stored in .*writable.*KERAS_HOME"):
        imagenet.load("mobilenet_v2", SHAPE)


def test_a_full_disk_gets_one_sentence_and_leaves_nothing(
    server, small_disk, tmp_path
):
    link(small_disk, tmp_path)
    with pytest.raises(CourseError, match="disk is full; free .*KERAS_HOME"):
        imagenet.load("mobilenet_v2", SHAPE)
    assert list(small_disk.iterdir()) == []


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(CourseError, match="did you mean 'mobilenet_v2'"):
        load_backbone("MobileNetV2")


@pytest.mark.parametrize(
    "shape",
    [
        (31, 64, 3),
        (64, 64, 1),
        (64, 64),
        None,
        (None, None, 3),
        64,
        (float("inf"), 64, 3),
    ],
)
def test_a_shape_that_does_not_fit_is_named(shape):
    with pytest.raises(CourseError, match="input_shape is .* from 32 on was"):
        imagenet.load("mobilenet_v2", shape)
