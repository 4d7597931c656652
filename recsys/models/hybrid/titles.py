"""Titles as vectors: by a sentence encoder where its weights can be had, by TF-IDF and truncated
SVD where not.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from recsys.errors import ModelError

#: The name of the encoder that needs no weights, and the length of its vectors where titles hold
#: enough distinct terms.
TFIDF = "tfidf-svd"
TFIDF_SIZE = 64

#: What a term of the substitute is: pieces of words.
PIECES: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (2, 4), "sublinear_tf": True}

#: The files of a sentence-transformers model that are read; the hub's repository holds other
#: formats beside them.
WEIGHTS = "model.safetensors"
MODEL_FILES = ("*.json", "*.txt", WEIGHTS, "1_Pooling/*")

#: Longest wait for the hub's answer. Without a network its own client retries for many times that.
HUB_SECONDS = 3.0

log = logging.getLogger(__name__)


class TitleModel(Protocol):
    """What settings and models hold of the title encoder: a folder, or a name and a revision on the
    hub; "" for none.
    """

    @property
    def title_model(self) -> str: ...
    @property
    def title_model_revision(self) -> str: ...


def encoder_in_use(source: TitleModel) -> str:
    """The name of the encoder that a fit will use; looked up once a process, without loading it.

    A folder goes by its name and a digest of its weights, a model of the hub by name and revision,
    the substitute by TFIDF. Raises ModelError where the folder holds no sentence-transformers
    model.
    """
    return _look_up(source.title_model, source.title_model_revision)[0]


@dataclass(frozen=True)
class TitleEncoder:
    """Titles to vectors, as it was fitted to a catalogue: `name` of the encoder, `mean` (D,) and
    `length` of what it gave there.

    The substitute also keeps its `terms` (T,), their `idf` (T,) and `components` (D, T); a sentence
    model has none of the three.
    """

    name: str
    mean: np.ndarray
    length: float
    terms: np.ndarray
    idf: np.ndarray
    components: np.ndarray

    @classmethod
    def fit(cls, titles: tuple[str, ...], source: TitleModel) -> "TitleEncoder":
        """Fit to a catalogue's titles."""
        bare = cls.uncentred(titles, source)
        vectors = bare.vectors(titles, source)
        mean = vectors.mean(axis=0)
        length = float(np.linalg.norm(vectors - mean, axis=1).mean())
        return replace(bare, mean=mean, length=length if length > 0 else 1.0)

    @classmethod
    def uncentred(cls, titles: tuple[str, ...], source: TitleModel) -> "TitleEncoder":
        """Fit but for mean and length, which are 0 and 1."""
        name, folder = _look_up(source.title_model, source.title_model_revision)
        terms = latent_terms(_texts(titles)) if folder is None else _no_terms()
        return cls(name, np.zeros(1, dtype=np.float32), 1.0, *terms)

    def encode(self, titles: tuple[str, ...], source: TitleModel) -> np.ndarray:
        """(M, D) float32 vectors of titles, their years left out: over the catalogue fitted to,
        columns of mean 0, rows of mean length 1. Raises ModelError where the sentence model that
        was fitted with cannot be had.
        """
        return ((self.vectors(titles, source) - self.mean) / self.length).astype(np.float32)

    def vectors(self, titles: tuple[str, ...], source: TitleModel) -> np.ndarray:
        """Return (M, D) as the encoder gives them."""
        if self.name == TFIDF:
            if not len(self.terms):
                return np.zeros((len(titles), 1))
            return self.weighted_terms(_texts(titles)) @ self.components.T
        name, folder = _look_up(source.title_model, source.title_model_revision)
        if folder is None or name != self.name:
            raise ModelError(
                f"titles were encoded by {self.name}; found {name}, expected the "
                "same: see title_model"
            )
        return _sentence_vectors(_texts(titles), folder)

    def weighted_terms(self, texts: tuple[str, ...]) -> sparse.csr_matrix:
        """Return (M, T) TF-IDF of the terms."""
        vectorizer = TfidfVectorizer(**PIECES, vocabulary=self.terms.tolist())
        vectorizer.idf_ = self.idf
        return vectorizer.transform(texts)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays that can be kept without pickle."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TitleEncoder":
        """Return what `arrays` was taken of."""
        return cls(**{**arrays, "name": str(arrays["name"]), "length": float(arrays["length"])})  # pyright: ignore[reportArgumentType]


@cache
def _look_up(title_model: str, revision: str) -> tuple[str, Path | None]:
    """(name, folder) of the encoder in use; no folder where its weights cannot be had, with a
    warning that says so.
    """
    if not title_model:
        return TFIDF, None
    if Path(title_model).is_dir():
        return in_folder(Path(title_model))
    try:
        return f"{title_model}@{revision}", from_hub(title_model, revision)
    # the hub's client raises its own kinds, httpx's, and OSError
    except Exception as error:  # noqa: BLE001
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        log.warning(
            "title encoder %s@%s: no weights to be had (%s); using %s instead",
            title_model,
            revision,
            reason,
            TFIDF,
        )
        return TFIDF, None


def in_folder(folder: Path) -> tuple[str, Path]:
    """Return name and path of an encoder's weights in a folder."""
    missing = [name for name in ("config.json", WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"title_model {folder}: found no {' and no '.join(missing)}, expected a "
            "sentence-transformers model"
        )
    with (folder / WEIGHTS).open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    return f"{folder.resolve().name}@{digest[:12]}", folder


def from_hub(name: str, revision: str) -> Path:
    """The local copy, fetched where there is none. Raises whatever the hub's client raises."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import get_session

    try:
        folder = Path(
            snapshot_download(
                name, revision=revision, allow_patterns=list(MODEL_FILES), local_files_only=True
            )
        )
        if (folder / WEIGHTS).is_file():
            return folder
    except LocalEntryNotFoundError:
        pass
    get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
    return Path(snapshot_download(name, revision=revision, allow_patterns=list(MODEL_FILES)))


@lru_cache(maxsize=1)  # a fit needs them twice: for the mean, then for the vectors
def _sentence_vectors(texts: tuple[str, ...], folder: Path) -> np.ndarray:
    """(M, D) vectors by the model in `folder`, computed on the CPU: a device must not change what
    the net reads.
    """
    from sentence_transformers import SentenceTransformer

    try:
        encoder = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"title_model {folder}: cannot be loaded as a sentence-transformers model: {error}"
        ) from error
    return encoder.encode(
        list(texts), batch_size=256, show_progress_bar=False, convert_to_numpy=True
    )


def _texts(titles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(re.sub(r"\s*\(\d{4}\)\s*$", "", title) for title in titles)


def latent_terms(texts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Terms (T,), idf (T,) and components (D, T) of latent semantic analysis (Deerwester et al.
    1990) of pieces of words; D ≤ TFIDF_SIZE.
    """
    vectorizer = TfidfVectorizer(**PIECES)
    try:
        weighted = vectorizer.fit_transform(texts)
    except ValueError:  # not one term: every title is empty
        return _no_terms()
    terms = vectorizer.get_feature_names_out().astype(str)
    svd = TruncatedSVD(min(TFIDF_SIZE, len(texts), len(terms)), random_state=0)
    with np.errstate(invalid="ignore"):  # the explained share of no variance, which nothing reads
        svd.fit(weighted)
    return terms, vectorizer.idf_, np.asarray(svd.components_, dtype=np.float32)


def _no_terms() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty(0, dtype=str), np.empty(0), np.empty((0, 0), dtype=np.float32)
