"""Read by LocalStack's Python when it starts: what its templates cannot do with headers, and AWS can.

LocalStack hands `$input.params().header` to its interpreter in a class of its own, on which the
methods of a map are not known; on path and query they are. Its names are no strings of Java either.
"""

import contextlib

with contextlib.suppress(ImportError):
    from airspeed import operators
    from werkzeug.datastructures import EnvironHeaders, Headers

    class Name(str):
        """A header's name, which has this method on AWS."""

        __slots__ = ()

        def toLowerCase(self) -> str:  # noqa: N802 - Java's name
            return self.lower()

    def key_set(headers: Headers) -> list[Name]:
        """Every name once, whatever its letters' case."""
        return [*{name.lower(): Name(name) for name in headers.keys()}.values()]  # noqa: SIM118 - pairs otherwise

    for kind in (Headers, EnvironHeaders):
        operators.__additional_methods__[kind] = {"keySet": key_set}
