"""`.env` for docker-compose.yaml: the variables of .env.example, the empty ones filled with new
secrets.
"""

from pathlib import Path

from stack.errors import StackError
from stack.home import REPOSITORY
from stack.private import new_fernet_key, new_secret, write_private

EXAMPLE = REPOSITORY / ".env.example"


def write_compose_env(path: Path) -> None:
    """Raises StackError where the file is there: its passwords are those of databases that may
    exist.
    """
    if path.exists():
        raise StackError(
            f"{path} is there: its passwords belong to databases that may exist. "
            "Remove it to make new ones"
        )
    write_private(path, compose_env())


def compose_env() -> str:
    """Return the example with new passwords."""
    return "\n".join(fill(line) for line in EXAMPLE.read_text().splitlines()) + "\n"


def fill(line: str) -> str:
    name, equals, value = line.partition("=")
    if not equals or value or line.startswith("#"):
        return line
    return f"{name}={new_fernet_key() if name.endswith('FERNET_KEY') else new_secret()}"
