"""`holdfast tail` and `holdfast listen`: what happens, as a list in the terminal.

    text       text that a terminal can be shown, measured in cells (pure)
    rows       one line of the list, and what stands in it (pure)
    view       what the list holds, and how a key or news change it (pure)
    drawing    a view as lines (pure)
    showing    one event in full, as lines (pure)
    feed       what a screen needs of whoever tells it: news, one event, a retry
    source     what history has to answer, whoever keeps it
    store      it does: the store itself
    remote     so does a console, over HTTP
    api        that console's HTTP API
    stream     what a console tells by itself, read by a thread
    follow     a feed of what comes in and ends, from where one left off
    letters    a feed of dead letters, where an engine keeps no history
    forward    a feed of events that are handed to a program on this machine
    browser    what shows a page of the console
    bookmark   where one left off, in a file
    lines      the same without a screen: one line for each event, for people or programs
    screen     the whole terminal, over prompt_toolkit; the only file that knows it

State and picture are apart from the terminal: `press(view, key)` and `draw(view)` need none.
"""
