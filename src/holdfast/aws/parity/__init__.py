"""Recorded traffic through both homes of a definition, and what differs.

velocity (one floor up)   templates, filled in
rest       the plan's API answers a request
records    what goes in and out of the state machine
machine    the plan's state machine works a batch
samples    traffic for a definition that has received none
shapes     two values side by side, nothing given away
foretold   whether `plan` had said so
finding    what was found
ends       how one record ended, here and there
compare    all of it, for one request after the other
"""
