"""Entity tags: what a reader has already is not sent again."""

from starlette.requests import Request

__all__ = ["CACHING", "caching", "tags_of"]

#: A list is its user's, and changes in the transaction of what changes it: kept by the reader
#: alone, who asks each time whether it still holds.
CACHING = "private, no-cache"

#: Tags of a request that are looked at.
MOST_TAGS = 20


def tags_of(request: Request) -> list[str]:
    """Return the tags of `If-None-Match`, without quotes. Weak or strong is the same here."""
    header = request.headers.get("if-none-match")
    if not header:
        return []
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",", MOST_TAGS)]
    return tags[:MOST_TAGS]


def caching(etag: str) -> dict[str, str]:
    """Return the headers of an answer that a reader may keep. The tag is weak: each answer has a
    recommendation_id of its own.
    """
    return {"ETag": f'W/"{etag}"', "Cache-Control": CACHING}
