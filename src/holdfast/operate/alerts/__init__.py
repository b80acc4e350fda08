"""Alerts: what is wrong with a webhook, told to people who are not looking.

    facts     what was seen of a webhook at one look
    windows   what ended within the last minutes
    rules     a rule over the facts: a reading
    standing  readings over time: what begins, goes on and ends
    outbox    what is to be told to one target, until it was
    letters   that as one message, for people and for programs
    targets   how a message gets to Slack, to a webhook, into a mailbox
    notes     a file in the store, so that nothing is told twice, and commands and the console see it

All but the last two are pure: the time comes with every look.
"""
