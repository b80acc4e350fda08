"""Where a sender's public key is to be fetched, if the delivery names an address to trust."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson

from holdfast.errors import VerificationFailed
from holdfast.keyring import Wanted
from holdfast.verify.content import Content
from holdfast.verify.reading import Reading

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"


@dataclass(frozen=True, slots=True)
class KeyAddress:
    """Addresses, and the hosts that may stand in them.

    urls: templates as of a signed content, such as `{json:SigningCertURL}`.
    hosts: names, in which `*` stands for one label: `sns.*.amazonaws.com`.
    suffix: how the path must end; then it may have no query either.
    certificate: the name that a certificate there must be issued for.
    post: what is asked for there as JSON, where a plain GET is not enough.
    """

    urls: tuple[Content, ...]
    hosts: tuple[str, ...]
    suffix: str = ""
    certificate: str = ""
    post: tuple[tuple[str, Content], ...] = ()

    def wanted(self, reading: Reading) -> tuple[Wanted, ...]:
        """Every address that this delivery names.

        Raises VerificationFailed: one is not to be trusted, or none is named.
        """
        found: list[Wanted] = []
        failure: VerificationFailed | None = None
        for template in self.urls:
            try:
                url = template.fill(reading).decode("utf-8", "replace")
            except VerificationFailed as error:
                failure = error
                continue
            self._judge(url)
            found.append(Wanted(url, self._posted(reading), self.certificate))
        if not found and failure is not None:
            raise failure
        return tuple(found)

    def judge(self, reading: Reading) -> None:
        """Where the delivery names an address at all, it must be one to trust."""
        for template in self.urls:
            try:
                url = template.fill(reading).decode("utf-8", "replace")
            except VerificationFailed:
                continue
            self._judge(url)

    def _judge(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise VerificationFailed("certificate_untrusted", "the address is none") from None
        host = parts.hostname or ""
        # Without user and port the authority is the host, and no other reader can see another one.
        if parts.scheme != "https" or parts.netloc.lower() != host or port is not None:
            raise VerificationFailed("certificate_untrusted", "the address is not plain HTTPS")
        if not url.isascii() or "\\" in url or any(letter.isspace() for letter in url):
            raise VerificationFailed("certificate_untrusted", "the address is not plain")
        if not any(_matches(pattern, host) for pattern in self.hosts):
            raise VerificationFailed("certificate_untrusted", f"{host} is not one of the sender's")
        if self.suffix and (not parts.path.endswith(self.suffix) or parts.query or parts.fragment):
            raise VerificationFailed("certificate_untrusted", f"it does not end in {self.suffix}")

    def _posted(self, reading: Reading) -> bytes | None:
        if not self.post:
            return None
        members: Mapping[str, str] = {
            name: content.fill(reading).decode("utf-8", "replace") for name, content in self.post
        }
        return orjson.dumps(members)


def _matches(pattern: str, host: str) -> bool:
    parts = (_LABEL if part == "*" else re.escape(part) for part in pattern.split("."))
    return re.fullmatch(r"\.".join(parts), host) is not None
