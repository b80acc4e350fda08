"""The SQS engine."""

from holdfast.queue.engines.sqs.engine import SQSEngine
from holdfast.queue.engines.sqs.location import Location, QueueNames, parse

__all__ = ["Location", "QueueNames", "SQSEngine", "parse"]
