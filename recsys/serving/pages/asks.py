"""What needs the model, and where it is asked: in the API's own process, or over HTTP."""

from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from recsys.settings import Settings

__all__ = ["ApiAway", "Asks", "HttpAsks"]

#: Seconds that a page waits for the API.
PATIENCE = 10.0
PATH = "/v1/recommendations:for-ratings"


class ApiAway(Exception):
    """The model cannot be asked now; the text says why."""


class Asks(Protocol):
    """Where the model is asked."""

    async def for_ratings(self, body: Mapping[str, Any], /) -> dict[str, Any]:
        """Return the list for some ratings. Raises ApiAway."""
        ...


class HttpAsks:
    """The API at `RECSYS_API_URL`, with the service's key, which stays on the server's side."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def for_ratings(self, body: Mapping[str, Any], /) -> dict[str, Any]:
        """Return the list for some ratings. Raises ApiAway."""
        headers = {"Authorization": f"Bearer {self._key()}"}
        url = self.settings.api_url.rstrip("/")
        if not url:
            raise ApiAway("no address of the API is set (RECSYS_API_URL)")
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, headers=headers) as client:
                response = await client.post(f"{url}{PATH}", json=body)
        except httpx.HTTPError as error:
            raise ApiAway(f"the API does not answer ({type(error).__name__})") from error
        return answer_of(response)

    def _key(self) -> str:
        """Return the key in the file that the settings name."""
        path = self.settings.api_key_file
        try:
            return path.read_text().strip() if path else ""
        except OSError as error:
            raise ApiAway("the service's key cannot be read") from error


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """Return what the API answered. Raises ApiAway for an error."""
    if response.status_code == httpx.codes.OK:
        return response.json()
    try:
        detail = response.json().get("detail", "")
    except ValueError:
        detail = ""
    raise ApiAway(f"the API answered {response.status_code}{': ' if detail else ''}{detail}")
