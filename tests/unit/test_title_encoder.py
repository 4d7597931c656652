"""Title vectors: the substitute where no weights can be had, and a quick answer where there is no
network.
"""

import logging
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from recsys.errors import ModelError
from recsys.models.base import Compute
from recsys.models.hybrid import titles
from recsys.models.hybrid.titles import PIECES, TFIDF, TFIDF_SIZE, TitleEncoder, encoder_in_use

TITLES = (
    "Toy Story (1995)",
    "Toy Story 2 (1999)",
    "Heat (1995)",
    "Rocky (1976)",
    "Rocky II (1979)",
)


def compute_of(title_model: str = "", revision: str = "abc") -> Compute:
    return Compute(title_model=title_model, title_model_revision=revision)


def encode(texts: tuple[str, ...], model: Compute) -> np.ndarray:
    """Vectors of the titles that the encoder is fitted to."""
    return TitleEncoder.fit(texts, model).encode(texts, model)


@pytest.fixture(autouse=True)
def forgetful():
    titles._look_up.cache_clear()
    yield
    titles._look_up.cache_clear()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_titles_of_a_series_are_near_each_other() -> None:
    vectors = encode(TITLES, compute_of())
    near = vectors @ vectors.T
    assert near[0, 1] > near[0, 2]
    assert near[3, 4] > near[3, 2]


def test_vectors_are_centred_of_mean_length_one_and_the_same_twice() -> None:
    vectors = encode(TITLES, compute_of())
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1).mean(), 1, rtol=1e-5)
    assert vectors.tobytes() == encode(TITLES, compute_of()).tobytes()


def test_the_year_is_left_out() -> None:
    years = encode(("Heat (1995)", "Heat (1972)", "Rocky (1976)"), compute_of())
    np.testing.assert_allclose(years[0], years[1], atol=1e-6)


@pytest.mark.parametrize("few", [("Heat (1995)",), ("", ""), ("a", "b")])
def test_few_or_empty_titles_still_have_vectors(few: tuple[str, ...]) -> None:
    vectors = encode(few, compute_of())
    assert vectors.shape[0] == len(few)
    assert 1 <= vectors.shape[1] <= TFIDF_SIZE
    assert np.isfinite(vectors).all()


@pytest.mark.usefixtures("no_network")
def test_without_a_network_the_substitute_is_used_at_once_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="recsys.models.hybrid.titles"):
        assert encoder_in_use(compute_of("someone/some-model")) == TFIDF
    assert time.monotonic() - started < 10
    assert (
        "title encoder someone/some-model@abc: no weights to be had (no network in this test); "
        f"using {TFIDF} instead" in caplog.text
    )


@pytest.mark.usefixtures("no_network")
def test_the_search_is_made_once_a_process(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="recsys.models.hybrid.titles"):
        encoder_in_use(compute_of("someone/some-model"))
        encode(TITLES, compute_of("someone/some-model"))
    assert len(caplog.records) == 1


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError,
        match=r"found no config\.json and no model\.safetensors, expected a sentence-transformers "
        r"model",
    ):
        encoder_in_use(compute_of(str(tmp_path)))


def test_a_folders_name_tells_its_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = encoder_in_use(compute_of(str(tmp_path)))
    titles._look_up.cache_clear()
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert first.startswith(f"{tmp_path.name}@")
    assert encoder_in_use(compute_of(str(tmp_path))) != first


def test_a_folder_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ModelError, match="cannot be loaded as a sentence-transformers model"):
        encode(TITLES, compute_of(str(tmp_path)))


def test_a_new_title_is_encoded_in_the_terms_of_those_fitted_to() -> None:
    encoder = TitleEncoder.fit(TITLES, compute_of())
    toy, heat, nothing = encoder.encode(("Toy Story 3 (2010)", "Heat", "Qqq"), compute_of())
    vectors = encoder.encode(TITLES, compute_of())
    assert toy @ vectors[0] > max(toy @ vectors[2], toy @ vectors[3])
    np.testing.assert_allclose(heat, vectors[2], atol=1e-6)
    np.testing.assert_allclose(nothing, -encoder.mean / encoder.length, atol=1e-6)


def test_the_substitute_is_scikit_learns_tfidf_times_the_components() -> None:
    encoder = TitleEncoder.fit(TITLES, compute_of())
    vectors = (
        TfidfVectorizer(**PIECES).fit_transform([title[:-7] for title in TITLES])
        @ encoder.components.T
    )
    tfidf = encoder.encode(TITLES, compute_of()) * encoder.length + encoder.mean
    np.testing.assert_allclose(tfidf, vectors, atol=1e-6)


def test_an_encoder_comes_back_from_its_arrays(tmp_path: Path) -> None:
    for texts in (TITLES, ("", "")):
        encoder = TitleEncoder.fit(texts, compute_of())
        np.savez(tmp_path / "encoder.npz", allow_pickle=False, **encoder.arrays())
        with np.load(tmp_path / "encoder.npz", allow_pickle=False) as arrays:
            again = TitleEncoder.of_arrays(dict(arrays))
        assert (again.name, again.length) == (encoder.name, encoder.length)
        new = (*texts, "Another story")
        assert (
            again.encode(new, compute_of()).tobytes() == encoder.encode(new, compute_of()).tobytes()
        )


@pytest.fixture
def sentence_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compute:
    """A folder that passes for a sentence model, which tells texts by their length and their
    spaces.
    """
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")

    def vectors(texts: tuple[str, ...], _folder: Path) -> np.ndarray:
        return np.array([(len(text), text.count(" ")) for text in texts], dtype=np.float32)

    monkeypatch.setattr(titles, "_sentence_vectors", vectors)
    return compute_of(str(tmp_path))


def test_a_sentence_models_vectors_are_centred_on_the_catalogue(sentence_model: Compute) -> None:
    encoder = TitleEncoder.fit(TITLES, sentence_model)
    assert encoder.name == encoder_in_use(sentence_model)
    vectors = encoder.encode(TITLES, sentence_model)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_array_equal(encoder.encode(("Heat",), sentence_model), vectors[2:3])


def test_titles_fitted_with_a_sentence_model_need_that_model(sentence_model: Compute) -> None:
    encoder = TitleEncoder.fit(TITLES, sentence_model)
    with pytest.raises(
        ModelError,
        match=rf"titles were encoded by {encoder.name}; found {TFIDF}, "
        r"expected the same",
    ):
        encoder.encode(TITLES, compute_of())
    titles._look_up.cache_clear()
    (Path(sentence_model.title_model) / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(
        ModelError,
        match=rf"titles were encoded by {encoder.name}; found .*, "
        r"expected the same",
    ):
        encoder.encode(TITLES, sentence_model)


def test_titles_fitted_with_the_substitute_need_no_model(sentence_model: Compute) -> None:
    encoder = TitleEncoder.fit(TITLES, compute_of())
    assert (
        encoder.encode(TITLES, sentence_model).tobytes()
        == encoder.encode(TITLES, compute_of()).tobytes()
    )
