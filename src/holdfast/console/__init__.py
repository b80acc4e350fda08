"""The console: web pages for operators on a port of their own, over an HTTP API.

    access      who may do what: tokens, sessions, where a request may come from (pure)
    guard       the same before every request, and the headers of every answer
    problems    everything that goes wrong, in one shape
    site        what the endpoints work with: engines, definition, clock, who drives runs
    endpoint    an endpoint as data: method, path, what it takes and gives, and what does it
    routes/     the endpoints, by resource
    shapes      what they answer with, as types
    openapi     the document that describes them, made from those
    stream      what happens, as server-sent events
    keeper      the runs that this process drives
    drawing/    plots, workflow graphs and the wiring, as SVG
    pages/      the web pages: templates, style sheets, scripts
    app         all of it as one Starlette application

Everything is done over the queue's contracts by `holdfast.operate`; what an engine has not is
answered 501, and listed as missing, never made up.
"""
