"""The console's web pages: HTML from the server, complete without scripts.

    page        a page as data: path, template, what finds what it shows
    writer      templates to answers, everything escaped; what went wrong, as a page
    text        text of strangers, made fit to be shown (pure)
    payload     bodies and values, laid out and coloured (pure)
    figures     numbers, sizes and durations as people read them (pure)
    words       what things are called, and in which tone they are said (pure)
    files       style sheets and scripts, served for good
    web         all pages, and the navigation between them
    session     signing in and out, as plain forms
    overview, events, ...   the pages themselves, by noun

Scripts add to them what only scripts can: what is new, keys, and doing something, which goes through
the API. Only the console's process imports this, since only it needs the templates.
"""

from holdfast.console.pages.web import OPEN_PATHS, WebPages

__all__ = ["OPEN_PATHS", "WebPages"]
