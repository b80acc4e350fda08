"""Whether a fetched certificate is the sender's: valid now, and issued for its name by a known CA."""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from holdfast.errors import VerificationFailed

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def trusted(text: str, now_seconds: float, *, name: str = "", roots: Path | None = None) -> str:
    """What of `text` is to be trusted at that time: its first certificate, where it holds any.

    name: it must be issued for this name, by way of the others in the text, by one of the CAs in
        `roots`: a file of PEM; default: Mozilla's, as certifi brings them. Empty: the name and the
        issuer are nobody's in particular; the address it came from speaks for it.
    Texts without certificates are given back as they are. Whatever else stands beside a certificate
    is vouched for by nobody, and left out. Raises VerificationFailed.
    """
    blocks: list[bytes] = _PEM.findall(text.encode("utf-8", "replace"))
    if not blocks:
        if name:
            raise VerificationFailed("certificate_untrusted", "there is no certificate")
        return text
    chain = _loaded(tuple(blocks))
    try:
        moment = datetime.fromtimestamp(now_seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise VerificationFailed("certificate_untrusted", "at no time that a clock shows") from None
    if not chain[0].not_valid_before_utc <= moment <= chain[0].not_valid_after_utc:
        raise VerificationFailed("certificate_untrusted", "it is not valid at this time")
    if name:
        _judge_chain(chain, name, moment, roots)
    return blocks[0].decode()


@lru_cache(maxsize=64)
def _loaded(blocks: tuple[bytes, ...]) -> list[Any]:
    from cryptography import x509

    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError:
        raise VerificationFailed("certificate_untrusted", "it cannot be read") from None


def _judge_chain(chain: list[Any], name: str, moment: datetime, roots: Path | None) -> None:
    from cryptography import x509
    from cryptography.x509 import verification

    verifier = (
        verification.PolicyBuilder()
        .store(_store(roots))
        .time(moment)
        .build_server_verifier(x509.DNSName(name))
    )
    try:
        verifier.verify(chain[0], chain[1:])
    except verification.VerificationError as error:
        raise VerificationFailed("certificate_untrusted", f"not for {name}: {error}") from None


@lru_cache(maxsize=4)
def _store(roots: Path | None) -> Any:
    import certifi
    from cryptography import utils, x509
    from cryptography.x509 import verification

    trusted = []
    with warnings.catch_warnings():
        # An authority whose certificate is not as RFC 5280 has it vouches for nobody here.
        warnings.simplefilter("error", utils.CryptographyDeprecationWarning)
        for block in _PEM.findall((roots or Path(certifi.where())).read_bytes()):
            with suppress(ValueError, utils.CryptographyDeprecationWarning):
                trusted.append(x509.load_pem_x509_certificate(block))
    return verification.Store(trusted)
