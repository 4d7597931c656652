"""Who looks at the pages. Each home has an access of its own: alone a key, in Airflow its login."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from fastapi import HTTPException, Request
from starlette.datastructures import FormData
from starlette.responses import Response

__all__ = ["Access", "Visitor", "checked_form", "csrf_token"]

#: The form's field that holds the CSRF token.
CSRF_FIELD = "csrf"


@dataclass(frozen=True)
class Visitor:
    """A person who may look. `session` is what their CSRF tokens are bound to."""

    name: str
    session: str
    is_operator: bool = False
    may_predict: bool = True
    can_sign_out: bool = False


class Access(Protocol):
    """How a home of the pages knows its visitors."""

    #: What tokens are signed with: the same in all processes of a home.
    secret: bytes

    async def visitor(self, request: Request, /) -> Visitor | None:
        """Return who asks, None for nobody known. Raises HTTPException 401 or 403."""
        ...

    async def refuse(self, request: Request, /) -> Response:
        """Answer a request of nobody known, with a status of 401."""
        ...

    async def is_operator(self, request: Request, visitor: Visitor, /) -> bool:
        """Ask again, at the time of an operation, whether the person may do it."""
        ...


def csrf_token(secret: bytes, session: str) -> str:
    """Return the token that the forms of a session carry."""
    return hmac.new(secret, f"csrf {session}".encode(), hashlib.sha256).hexdigest()


async def checked_form(request: Request, access: Access, visitor: Visitor) -> FormData:
    """Return a form that this visitor sent from one of our pages. Raises HTTPException 403 for one
    from elsewhere.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    form = await request.form(max_files=0, max_fields=200, max_part_size=64_000)
    token = form.get(CSRF_FIELD)
    expected = csrf_token(access.secret, visitor.session)
    is_ours = isinstance(token, str) and hmac.compare_digest(token.encode(), expected.encode())
    if site not in ("same-origin", "none") or not is_ours:
        raise HTTPException(
            403,
            "This form was not sent from one of these pages. Open the page again and send it anew.",
        )
    return form
