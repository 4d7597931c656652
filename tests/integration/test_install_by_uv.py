"""The packages are installed by uv from where pip would take them, else by pip itself."""

import sysconfig
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from stack.install import Environment, InstallError, install, install_by_uv


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """One that has nothing of its own and sees the packages of this one, pip and uv among them."""
    folder = tmp_path / "env"
    venv.create(folder, symlinks=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "these.pth").write_text(sysconfig.get_path("purelib"))
    return Environment(folder)


@pytest.fixture
def lock(tmp_path: Path, pip_configured: Path) -> Path:
    """Two pins, which only a folder of wheels has that only pip's configuration names."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    pinned = {"tiny": "1.0", "uv": version("uv")}
    for name, number in pinned.items():
        write_wheel(wheels, name, number)
    pip_configured.write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
    lock = tmp_path / "requirements.txt"
    lock.write_text("".join(f"{name}=={number}\n" for name, number in pinned.items()))
    return lock


def write_wheel(folder: Path, name: str, number: str) -> None:
    """Write a distribution without a module of its own name."""
    info = f"{name}-{number}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
    tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(folder / f"{name}-{number}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def installer_of(environment: Environment, name: str) -> str:
    """Return which program installed the distribution."""
    (path,) = environment.folder.glob(f"lib/python*/site-packages/{name}-*.dist-info/INSTALLER")
    return path.read_text().strip()


def test_uv_installs_from_where_pip_would(environment: Environment, lock: Path) -> None:
    assert install_by_uv(environment, lock)
    assert installer_of(environment, "tiny") == "uv"


def test_where_uv_fails_pip_installs_and_it_says_so(
    environment: Environment,
    lock: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("stack.install.compile_imports", lambda _: None)
    monkeypatch.setenv("UV_INDEX_STRATEGY", "nonsense")
    install(environment, lock)
    assert "pip installs the packages in place of uv" in capfd.readouterr().out
    assert installer_of(environment, "tiny") == "pip"


def test_where_neither_can_install_it_raises(environment: Environment, lock: Path) -> None:
    lock.write_text("uv==99.0\n")
    with pytest.raises(InstallError, match="neither uv nor pip"):
        install(environment, lock)
