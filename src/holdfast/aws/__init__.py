"""A definition at home on AWS. All but `stack` and `worker` is pure: a compiled definition goes in,
plain data comes out, and neither the CDK nor an account is needed for that.

    models     JSON Schema 2020-12 -> the draft-04 model that API Gateway holds bodies against
    mapping    a request -> the envelope in the queue, and an answer of SQS -> the sender's
    machine    the workflow's document -> the state machine, which works batches of records
    plan       a definition -> every resource with its numbers, what it costs, what differs
"""
