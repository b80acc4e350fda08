"""What runs in Lambda: Verify, the tasks, Settle, the door. Written to `holdfast.aws.contract`.

The code of the local runtime does the work; here stands what Lambda hands over and wants back.

    entry      the handler; which function it is, stands in its environment
    setting    the environment, read once
    records    a Pipes record as a message under work
    verify     Verify and Settle
    tasks      Python functions and forwards
    door       what stands before the queue where API Gateway cannot decide
    secrets    Secrets Manager, cached
    failing    what is raised, so that the state machine finds the reason
"""
