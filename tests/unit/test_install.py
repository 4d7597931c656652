"""What pip is configured to do is said to uv in uv's words."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from stack.install import (
    FITTING_TORCH,
    Environment,
    InstallError,
    attempts,
    compile_imports,
    failed_import,
    pin_of,
    pip_options,
    uv_flags,
    uv_variables,
)

#: What a company's pip.conf may hold, and the variables of one user.
CONFIGURATION = """
[global]
index-url = https://index.example/simple
extra-index-url =
    https://one.example/simple
    https://two.example/simple
find-links = /wheels /more/wheels
cert = /etc/company.pem
only-binary = :all:
timeout = 90
[install]
trusted-host = index.example
no-binary = tiny,small
[freeze]
constraint = /none
"""


def listing() -> str:
    command = [sys.executable, "-m", "pip", "config", "list"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_pip_has_in_files_and_variables_is_handed_to_uv(
    pip_configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip_configured.write_text(CONFIGURATION)
    monkeypatch.setenv("PIP_TIMEOUT", "180")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    options = pip_options(listing())
    assert uv_variables(options) == {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_EXTRA_INDEX_URL": "https://one.example/simple https://two.example/simple",
        "UV_FIND_LINKS": "/wheels,/more/wheels",
        "SSL_CERT_FILE": "/etc/company.pem",
        "UV_HTTP_TIMEOUT": "180",
        "UV_INSECURE_HOST": "index.example",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert uv_flags(options) == [
        "--no-index",
        *("--no-binary", "tiny", "--no-binary", "small"),
        *("--only-binary", ":all:"),
    ]


def test_torch_is_chosen_for_the_machine_unless_a_source_is_named() -> None:
    company = {"UV_DEFAULT_INDEX": "https://index.example/simple"}
    assert list(attempts({}, {})) == [FITTING_TORCH, {}]
    assert list(attempts(company, {})) == [company]
    assert list(attempts({}, {"UV_INDEX_URL": "https://index.example/simple"})) == [{}]


def test_a_lock_without_uv_is_refused() -> None:
    assert pin_of("uv", "uvloop==1\nuv==0.1.2\n") == "uv==0.1.2"
    with pytest.raises(InstallError, match="make lock"):
        pin_of("uv", "uvloop==1\n")


def test_an_environment_that_cannot_import_the_packages_is_refused(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    with pytest.raises(InstallError, match="cannot be imported"):
        compile_imports(Environment(tmp_path / "env"))
    assert "apt install libgomp1" in failed_import("ImportError: libgomp.so.1: cannot open")
