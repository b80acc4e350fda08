"""The engine on SQS: two queues per webhook, and one table in DynamoDB beside them.

    send ──> PREFIX_webhook ── receive ──> leased ── settle ──> deleted
                   │                          └───── bury ──┐
                   └── more than max_receive_count ──────>  PREFIX_webhook-dlq ── redrive ──> send

    PREFIX_ledger    who works which delivery, what was tried, what is paused

What lies in a queue is an envelope (`holdfast.envelope`), ours or API Gateway's: workers of ours may
read what a stack queued, and the other way round. SQS is the truth about messages. The table holds
what SQS has no place for; a gateway never needs it.

What SQS cannot do, and what that means:

    no `uncount`       a message that is given back unworked has used up one of its receives
    no `fenced`        an old receipt deletes, or not, and says nothing; within one process we know
    no `revives`       a lease that ended cannot be extended
    no `expires`       what waits longer than the retention is gone; watch the age of the oldest
    no `ordered`       messages come in nearly any order, and now and then twice
    no `exact`         depth is approximate, and a message that waits for its retry counts as leased
    no `large`         a message has 1 MiB, about 770 KB of body
    no `alone`         a worker's death shows when its leases end, and names nobody
    no `archive`       there is no history: what was settled is gone

What happens on each failure:

    kill -9, gateway     what SQS had not answered for was not answered with success
    kill -9, worker      its leases end, and its messages are counted
    SQS gone             StoreError, so 503; each call tries again, there is nothing to mend
    some entries fail    the others of their call are kept, settled, ...; each is answered for itself
    the table gone       claims fail, so what has a delivery id waits; all else goes on
    death in mid-bury    a copy and the message are both there; they are one letter, by their id
    death in mid-redrive a letter too many; redriven again, the event is worked twice or a duplicate
"""

from holdfast.queue.engines.sqs.location import SCHEME, Location, QueueNames, parse

__all__ = ["SCHEME", "Location", "QueueNames", "parse"]
