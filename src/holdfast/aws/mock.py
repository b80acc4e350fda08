"""What API Gateway answers with nothing behind it: handshakes that only echo, and wrong methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from holdfast.aws.answers import IntegrationResponse, echoed, wrong_method
from holdfast.compiled import CompiledWebhook
from holdfast.gateway.handshakes import Handshake, handshakes_of

_QUERY: Final = "$input.params().querystring"


@dataclass(frozen=True, slots=True)
class Mock:
    """An integration of type MOCK: the request's template says which response it is."""

    request_template: str
    responses: tuple[IntegrationResponse, ...]


def handshakes(webhook: CompiledWebhook) -> tuple[Handshake, ...]:
    """Those that the webhook's provider performs."""
    return handshakes_of(webhook)


def only_echoes(handshake: Handshake) -> bool:
    """Whether it is answered from the query alone, without a secret and without a thought."""
    return handshake.parameter is not None


def greeting(webhook: CompiledWebhook, handshake: Handshake) -> Mock:
    """Echoes the handshake's parameter; without one the method is wrong, as at the local door."""
    value = f"{_QUERY}.get('{handshake.parameter}')"
    # In quotes, because interpreters differ in what a missing value is, but not in what it reads.
    given = f'"{value.replace("$", "$!", 1)}" != ""'
    chosen = f'#if({given}){{"statusCode":200}}#else{{"statusCode":405}}#end'
    return Mock(chosen, (echoed(value), wrong_method(webhook)))


def refusal_of_method(webhook: CompiledWebhook) -> Mock:
    """For every method that the webhook does not take."""
    return Mock('{"statusCode":405}', (wrong_method(webhook),))
