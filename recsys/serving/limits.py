"""How many requests a key may make: a bucket of tokens a key, in this process.

With w workers a key may make up to w times its rate: enough to keep one client from starving the
others, and no request waits for a second server to count it.
"""

import math
import time
from dataclasses import dataclass

from recsys.serving.problems import Problem

__all__ = ["Limiter"]

#: Seconds in which a bucket fills.
WINDOW = 60


@dataclass
class Bucket:
    """The tokens left at a moment, in monotonic seconds."""

    tokens: float
    moment: float


class Limiter:
    """The buckets of all keys."""

    def __init__(self) -> None:
        self._buckets: dict[int, Bucket] = {}

    def take(self, key_id: int, rate: int, now: float | None = None) -> dict[str, str]:
        """Take a token of a key that may make `rate` requests a minute; return the headers that say
        what is left (draft-ietf-httpapi-ratelimit-headers-10).

        Raises a 429 where none is left.
        """
        now = time.monotonic() if now is None else now
        bucket = self._buckets.setdefault(key_id, Bucket(rate, now))
        refilled = bucket.tokens + (now - bucket.moment) * rate / WINDOW
        bucket.tokens = min(float(rate), refilled)
        bucket.moment = now
        headers = {"RateLimit-Policy": f'"key";q={rate};w={WINDOW}'}
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) * WINDOW / rate)
            headers |= {"RateLimit": f'"key";r=0;t={seconds}', "Retry-After": str(seconds)}
            raise Problem(
                429, f"this key may make {rate:,} requests a minute: wait", headers=headers
            )
        bucket.tokens -= 1
        left = int(bucket.tokens)
        seconds = math.ceil((rate - bucket.tokens) * WINDOW / rate)
        return headers | {"RateLimit": f'"key";r={left};t={seconds}'}
