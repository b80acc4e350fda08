"""How providers make sure that an address is ours before they send to it.

A handshake is answered at the door and never queued. Which one a provider performs is data, a
`holdfast.definition.Handshake`: its kind, what a request for it looks like, and the kind's settings.

    hand    what is held out (request, secrets), and what is given back
    terms   the settings, judged and parsed once
    kinds   echo, hmac-reply, digest-reply, fixed-reply, ping, visit-url, store-token: functions
    shake   a description made ready: is this request one, and what is answered
    known   the few that a description of one's own can call by name

Pure. Storing a token and visiting an address are told to the door, which has them done. What is
echoed comes from a stranger, so it goes back as text or JSON that no browser takes for anything else.
"""

from holdfast.gateway.handshakes.hand import ECHO_HEADERS, Hand, Reply
from holdfast.gateway.handshakes.known import HANDSHAKES, handshakes_of, named
from holdfast.gateway.handshakes.shake import Handshake, handshake_mistakes

__all__ = [
    "ECHO_HEADERS",
    "HANDSHAKES",
    "Hand",
    "Handshake",
    "Reply",
    "handshake_mistakes",
    "handshakes_of",
    "named",
]
