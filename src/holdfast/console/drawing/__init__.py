"""Drawings as SVG: plots of what came in, workflows as graphs, the wiring of a webhook.

Colours are classes only (`console/pages/static/drawing.css`): the pages' policy allows no inline
style, and dark and light differ. Everything that is put in is escaped, whatever it holds; and what
is drawn can be read as text too.
"""
