"""Titles as vectors: by a sentence encoder where its weights can be had, by TF-IDF and truncated SVD where not."""

import hashlib
import logging
import re
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from recsys.errors import ModelError

#: The name of the encoder that needs no weights, and the length of its vectors where titles hold enough distinct terms.
TFIDF = "tfidf-svd"
TFIDF_SIZE = 64

#: The files of a sentence-transformers model that are read; the hub's repository holds other formats beside them.
WEIGHTS = "model.safetensors"
MODEL_FILES = ("*.json", "*.txt", WEIGHTS, "1_Pooling/*")

#: Longest wait for the hub's answer. Without a network its own client retries for many times that.
HUB_SECONDS = 3.0

log = logging.getLogger(__name__)


class TitleModel(Protocol):
    """What settings and models hold of the title encoder: a folder, or a name and a revision on the hub; "" for none."""

    @property
    def title_model(self) -> str: ...
    @property
    def title_model_revision(self) -> str: ...


def encoder_in_use(wanted: TitleModel) -> str:
    """The name of the encoder that `encode_titles` will use; looked up once a process, without loading it.

    A folder goes by its name and a digest of its weights, a model of the hub by name and revision, the substitute by TFIDF.
    Raises ModelError where the folder holds no sentence-transformers model.
    """
    return _found(wanted.title_model, wanted.title_model_revision)[0]


def encode_titles(titles: tuple[str, ...], wanted: TitleModel) -> np.ndarray:
    """(M, D) float32 vectors of the titles, their years left out: columns of mean 0, rows of mean length 1."""
    texts = [re.sub(r"\s*\(\d{4}\)\s*$", "", title) for title in titles]
    folder = _found(wanted.title_model, wanted.title_model_revision)[1]
    vectors = _tfidf_svd(texts) if folder is None else _sentence_vectors(texts, folder)
    centred = vectors - vectors.mean(axis=0)
    length = np.linalg.norm(centred, axis=1).mean()
    return (centred / length if length > 0 else centred).astype(np.float32)


@cache
def _found(title_model: str, revision: str) -> tuple[str, Path | None]:
    """(name, folder) of the encoder in use; no folder where its weights cannot be had, with a warning that says so."""
    if not title_model:
        return TFIDF, None
    if Path(title_model).is_dir():
        return _in_folder(Path(title_model))
    try:
        return f"{title_model}@{revision}", _from_hub(title_model, revision)
    except Exception as error:  # the hub's client raises its own kinds, httpx's, and OSError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        log.warning("title encoder %s@%s: no weights to be had (%s); using %s instead", title_model, revision, reason, TFIDF)
        return TFIDF, None


def _in_folder(folder: Path) -> tuple[str, Path]:
    missing = [name for name in ("config.json", WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"title_model {folder}: found no {' and no '.join(missing)}, expected a sentence-transformers model")
    with (folder / WEIGHTS).open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    return f"{folder.resolve().name}@{digest[:12]}", folder


def _from_hub(name: str, revision: str) -> Path:
    """The local copy, fetched where there is none. Raises whatever the hub's client raises."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import get_session

    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(MODEL_FILES), local_files_only=True))
        if (folder / WEIGHTS).is_file():
            return folder
    except LocalEntryNotFoundError:
        pass
    get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
    return Path(snapshot_download(name, revision=revision, allow_patterns=list(MODEL_FILES)))


def _sentence_vectors(texts: list[str], folder: Path) -> np.ndarray:
    """(M, D) vectors by the model in `folder`, computed on the CPU: a device must not change what the net is told."""
    from sentence_transformers import SentenceTransformer

    try:
        encoder = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"title_model {folder}: cannot be loaded as a sentence-transformers model: {error}") from error
    return encoder.encode(texts, batch_size=256, show_progress_bar=False, convert_to_numpy=True)


def _tfidf_svd(texts: list[str]) -> np.ndarray:
    """(M, D) vectors from pieces of words, as latent semantic analysis (Deerwester et al. 1990) makes them; D ≤ TFIDF_SIZE."""
    try:
        terms = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit_transform(texts)
    except ValueError:  # not one term: every title is empty
        return np.zeros((len(texts), 1), dtype=np.float32)
    return TruncatedSVD(min(TFIDF_SIZE, *terms.shape), random_state=0).fit_transform(terms)
