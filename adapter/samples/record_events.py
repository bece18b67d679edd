"""Builds events that are not HTTP: queues, topics, buckets, buses, schedules and tables.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import JSON, Event

REGION = "eu-west-1"
ACCOUNT = "111122223333"
TIME = "2026-10-16T09:31:46Z"


def sqs_event(*bodies: str, queue: str = "orders") -> Event:
    """Return the event of a batch of messages, with the ids ``message-1``, ``message-2`` …"""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"handle-{number}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1792143106412",
                    "SenderId": "AIDAEXAMPLE",
                    "ApproximateFirstReceiveTimestamp": "1792143106413",
                },
                "messageAttributes": {},
                "md5OfBody": "00000000000000000000000000000000",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies, 1)
        ]
    }


def sns_event(message: str, *, topic: str = "orders", subject: str | None = None) -> Event:
    """Return the event of a message published to a topic."""
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}"
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{arn}:21be56ed-a058-49f5-8c98-aedd2564c486",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                    "TopicArn": arn,
                    "Subject": subject,
                    "Message": message,
                    "Timestamp": TIME,
                    "MessageAttributes": {},
                },
            }
        ]
    }


def s3_event(
    key: str, *, bucket: str = "uploads", name: str = "ObjectCreated:Put", size: int = 1024
) -> Event:
    """Return the event of a change to an object; ``key`` is URL-encoded, as S3 sends it."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": TIME,
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {"key": key, "size": size, "sequencer": "0055AED6DCD90281E5"},
                },
            }
        ]
    }


def eventbridge_event(
    detail: JSON, *, source: str = "com.example.shop", detail_type: str = "Order Placed"
) -> Event:
    """Return an event from a bus."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": TIME,
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def schedule_event(rule: str = "nightly") -> Event:
    """Return the event of a scheduled rule."""
    event = eventbridge_event({}, source="aws.events", detail_type="Scheduled Event")
    return {**event, "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"]}


def dynamodb_event(*images: Event, table: str = "orders", name: str = "INSERT") -> Event:
    """Return the event of a batch from the stream of a table.

    Each image is an item as DynamoDB writes it: ``{"id": {"S": "7"}}``. Their sequence numbers
    count from 1.
    """
    return {
        "Records": [
            {
                "eventID": f"event-{number}",
                "eventName": name,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": REGION,
                "dynamodb": {
                    "NewImage": image,
                    "SequenceNumber": str(number),
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
                "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/1",
            }
            for number, image in enumerate(images, 1)
        ]
    }
