"""Reading rows. apsw types every column as anything SQLite can hold; the schema knows better."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import apsw


def select(
    connection: apsw.Connection, sql: str, parameters: tuple[Any, ...] = ()
) -> list[tuple[Any, ...]]:
    """All rows."""
    return connection.execute(sql, parameters).fetchall()


def select_value(connection: apsw.Connection, sql: str, parameters: tuple[Any, ...] = ()) -> Any:
    """The first column of the first row; None where there is no row."""
    return connection.execute(sql, parameters).get


@contextlib.contextmanager
def stepping(
    connection: apsw.Connection, sql: str, parameters: tuple[Any, ...] = ()
) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Row by row, for as long as the block wants them; afterwards nothing keeps the log in use."""
    cursor = connection.cursor()
    try:
        yield cursor.execute(sql, parameters)
    finally:
        cursor.close(force=True)
