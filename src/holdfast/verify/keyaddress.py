"""Where a sender's public key is to be fetched, if the delivery names an address to trust."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson

from holdfast.errors import VerificationFailed
from holdfast.keyring import Wanted
from holdfast.verify.content import Content
from holdfast.verify.reading import Reading

_HOST_MAX: Final = 253
"""Letters of a name in DNS; what a stranger writes in its place may be a megabyte."""

_WILD: Final = {
    "*": "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
    "<region>": "[a-z]{2,}(?:-[a-z]+)+-[0-9]{1,2}",
}
"""What may stand for a label. In `sns.*.amazonaws.com` it could be `s3`, and the host a bucket that
somebody called sns."""


@dataclass(frozen=True, slots=True)
class KeyAddress:
    """Addresses, and the hosts that may stand in them.

    urls: templates as of a signed content, such as `{json:SigningCertURL}`.
    hosts: names, in which `*` stands for one label, and `<region>` for one that is a region of AWS:
        `sns.<region>.amazonaws.com`.
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
            found.append(Wanted(url, self._posted(reading), self.certificate, self.hosts))
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
        if wrong := address_mistake(url, self.hosts, self.suffix):
            raise VerificationFailed("certificate_untrusted", wrong)

    def _posted(self, reading: Reading) -> bytes | None:
        if not self.post:
            return None
        members: Mapping[str, str] = {
            name: content.fill(reading).decode("utf-8", "replace") for name, content in self.post
        }
        return orjson.dumps(members)


def address_mistake(url: str, hosts: Sequence[str], suffix: str = "") -> str:
    """Why this address, which a stranger's request names, is not to be asked; empty: it may be."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the address is none"
    host = parts.hostname or ""
    # Without user and port the authority is the host, and no other reader can see another one.
    if not url.startswith("https://") or parts.netloc.lower() != host:
        return "the address is not plain HTTPS"
    if not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return "the address is not plain"
    if not any(_matches(pattern, host) for pattern in hosts):
        return f"{host[:_HOST_MAX]} is not one of the sender's"
    if suffix and (not parts.path.endswith(suffix) or parts.query or parts.fragment):
        return f"it does not end in {suffix}"
    return ""


def _matches(pattern: str, host: str) -> bool:
    parts = (_WILD.get(part) or re.escape(part) for part in pattern.split("."))
    return re.fullmatch(r"\.".join(parts), host) is not None
