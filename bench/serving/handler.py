"""The handler that one would write: FastAPI, response models, SQLAlchemy with a pool, asynchronous.

`uvicorn bench.serving.handler:app`; RECSYS_API_DATABASE_URL says where the lists are.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

LIST = text(
    "SELECT m.rank, m.movie_id, c.title, c.year, c.genres, m.score, "
    "CASE WHEN m.rank <= l.n_model THEN 'model' ELSE 'fallback' END AS source "
    "FROM api.live JOIN api.lists l USING (publication_id) "
    "CROSS JOIN LATERAL unnest(l.movie_ids, l.scores) WITH ORDINALITY AS m (movie_id, score, rank) "
    "JOIN api.listed_movies c ON c.movie_id = m.movie_id "
    "WHERE l.user_id = :user_id AND m.rank <= :n ORDER BY m.rank"
)


class Item(BaseModel):
    rank: int
    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    score: float
    source: str


class Recommendations(BaseModel):
    user_id: int
    items: list[Item]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["RECSYS_API_DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url, pool_size=16, max_overflow=0)
    app.state.sessions = async_sessionmaker(engine)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session_of(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions() as session:
        yield session


@app.get("/v1/users/{user_id}/recommendations", response_model=Recommendations)
async def recommendations(
    user_id: int,
    session: Annotated[AsyncSession, Depends(session_of)],
    n: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Recommendations:
    rows = await session.execute(LIST, {"user_id": user_id, "n": n})
    items = [Item.model_validate(dict(row._mapping)) for row in rows]
    return Recommendations(user_id=user_id, items=items)
