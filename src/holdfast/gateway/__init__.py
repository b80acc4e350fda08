"""The gateway: takes a request, and answers with success only once its event is durable.

    asgi ──> door ──> intake ──> gate: schema, media, rate, handshakes
    (wire)   (order)  (pure)  └─> routes, answers

`intake` decides and does nothing else; `door` does what was decided, in the right order; `asgi` is
the way in from any server; `serve` is our own server around it.
"""
