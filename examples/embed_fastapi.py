"""Holdfast inside an existing FastAPI application.

    export USERS_SECRET=... && uvicorn --app-dir examples embed_fastapi:app

The application's process receives (`POST /hooks/users`); the work is done by Holdfast's own workers,
so that a slow or crashing handler never takes the application down.
"""

from collections.abc import Mapping

from fastapi import FastAPI
from users import app as hooks

import holdfast

app = FastAPI()


@app.get("/")
def index() -> Mapping[str, str]:
    return {"hello": "this is the application you already had"}


app.mount("/hooks", holdfast.asgi(hooks))
