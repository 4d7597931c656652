"""Which code this is: as given, as git has it, or unknown."""

import subprocess
from pathlib import Path

import pytest

from recsys import revision


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    (tmp_path / "file").write_text("as committed")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "file"], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    revision._of_checkout.cache_clear()
    return tmp_path


def test_what_an_image_was_built_with_stands():
    assert revision.git_sha("abc123") == "abc123"


def test_a_checkout_says_its_commit_and_whether_files_were_changed(checkout: Path):
    commit = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert revision._of_checkout(checkout) == commit
    revision._of_checkout.cache_clear()
    (checkout / "file").write_text("changed")
    (checkout / "another").write_text("and never added")
    assert revision._of_checkout(checkout) == f"{commit}+"


def test_elsewhere_it_is_unknown(tmp_path: Path):
    assert revision._of_checkout(tmp_path) == "unknown"
    (tmp_path / ".git").write_text("gitdir: nowhere")
    revision._of_checkout.cache_clear()
    assert revision._of_checkout(tmp_path) == "unknown"
