"""What has happened in the shop before anybody looks: every state, every kind of end, odd payloads."""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from browser_kit import Shop, until

HOSTILE: Final = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
BIDI: Final = "invoice\u202egpj.exe\u200b"


def order(n: int, **more: Any) -> bytes:
    told = {
        "id": f"o-{n}",
        "type": "order.placed",
        "customer": f"cus_{n % 3}",
        "total": 20.5 + n,
        "card": "visa",
        "lines": ["sku-1", "sku-2"],
        **more,
    }
    return json.dumps(told).encode()


def stripe(type: str, **about: Any) -> bytes:
    told = {
        "id": f"evt_{zlib.crc32(repr((type, about)).encode())}",
        "object": "event",
        "type": type,
        "created": 1_764_115_200,
        "data": {"object": {"id": "in_4711", "customer": "cus_4711", "amount_paid": 4200, **about}},
    }
    return json.dumps(told).encode()


def seed(shop: Shop) -> None:
    """Each kind worked to its end before the next."""
    shop.all_kept("/orders", (order(n) for n in range(6)))
    shop.kept("/orders", order(6, card="declined"), {"x-delivery": "d-6"})
    shop.all_kept("/orders", (order(n, lines=["sku-1", "sku-404"]) for n in (7, 8, 9)))
    shop.all_kept("/orders", [order(0)])
    shop.kept("/orders", order(10), {"x-delivery": "d-10", "x-signature": "00"}, signed=False)
    shop.send("/orders", b'{"id": "o-11", "total": -1}', {"x-delivery": "d-11"})
    shop.send("/orders", b"<order/>", {"content-type": "text/xml"})
    paid = [stripe("invoice.paid", number=n) for n in range(4)]
    unpaid = [stripe("invoice.payment_failed", number=n) for n in range(3)]
    shop.all_kept("/stripe", [*paid, *unpaid, stripe("customer.deleted", id="cus_9")])
    shop.send("/partner/acme", b"{}", {"authorization": "Bearer wrong-token"}, signed=False)
    shop.kept("/partner/acme", b'{"hello": "acme"}')
    shop.visit("/nowhere")
    hostile = json.dumps({"type": HOSTILE, HOSTILE: HOSTILE, "file": BIDI, "esc": "\x1b[31m"})
    large = {"type": "large", "rows": [{"n": n, "text": "x" * 80} for n in range(9_000)]}
    sent = [
        shop.send("/anything", body, headers)
        for body, headers in (
            (hostile.encode(), {"x-odd": HOSTILE}),
            (f"fail with {HOSTILE}{BIDI}".encode(), {"content-type": "text/html"}),
            (bytes(range(256)) * 8, {"content-type": "application/octet-stream"}),
            (b'{"broken": "\xff\xfe\xc3"}', {}),
            (json.dumps(large).encode(), {}),
            (b"a=1&b=two+words&a=%3Cb%3E", {"content-type": "application/x-www-form-urlencoded"}),
        )
    ]
    for id in sent:
        shop.run.ended(id)
    redrive(shop)


def redrive(shop: Shop) -> None:
    """Somebody has tried whether the customer can be deleted by now: it cannot."""
    letters = shop.api.get("/dead/letters", params={"reason": "permanent"}).json()["items"]
    asked = {"ids": [letters[0]["id"]], "watch": True}
    run = shop.api.post("/dead/redrive", json=asked).json()["id"]
    until(lambda: not shop.api.get(f"/runs/{run}").json()["active"], "the run is over")
