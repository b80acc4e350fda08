"""The reference webhook three times over, with handlers that do nothing, or only look at the clock.

In a directory of its own, because loading a definition makes the modules beside it importable.
"""

import os
import time
from typing import Annotated

from pydantic import BaseModel, EmailStr, Field

from holdfast import App, Event

app = App("noop")


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]
    email: EmailStr


@app.webhook("/users")
async def on_the_loop(_event: Event[User]) -> None:
    """No work, on the event loop."""


@app.webhook("/users/sync")
def on_a_thread(_event: Event[User]) -> None:
    """No work, on a thread."""


@app.webhook("/users/timed")
async def tell_the_time(_event: Event[User]) -> None:
    """Writes when it started, to the pipe whose path stands in the environment."""
    now = time.monotonic_ns()
    pipe = os.open(os.environ["HOLDFAST_BENCH_STARTS"], os.O_WRONLY)
    os.write(pipe, b"%d\n" % now)
    os.close(pipe)
