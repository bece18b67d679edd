from __future__ import annotations

import json
from typing import Any

from adapter.samples.record_events import (
    dynamodb_event,
    eventbridge_event,
    s3_event,
    schedule_event,
    sns_event,
    sqs_event,
)


def records(event: Any) -> Any:
    assert json.loads(json.dumps(event)) == event
    return event["Records"]


def test_a_batch_of_messages_has_an_id_for_each_because_they_can_fail_one_by_one() -> None:
    batch = records(sqs_event("a", "b", queue="jobs"))
    assert [(record["messageId"], record["body"]) for record in batch] == [
        ("message-1", "a"),
        ("message-2", "b"),
    ]
    assert batch[0]["eventSourceARN"].endswith(":jobs")


def test_a_notification_has_its_message() -> None:
    [record] = records(sns_event("hello", topic="news", subject="Hi"))
    assert (record["Sns"]["Message"], record["Sns"]["Subject"]) == ("hello", "Hi")
    assert record["Sns"]["TopicArn"].endswith(":news")


def test_an_object_has_its_bucket_and_key() -> None:
    [record] = records(s3_event("a+b.png", bucket="photos", size=7))
    assert record["s3"]["bucket"]["name"] == "photos"
    assert record["s3"]["object"]["key"] == "a+b.png"
    assert record["eventName"] == "ObjectCreated:Put"


def test_an_event_from_a_bus_has_its_detail() -> None:
    event = eventbridge_event({"id": 7}, source="shop", detail_type="Paid")
    assert (event["source"], event["detail-type"], event["detail"]) == ("shop", "Paid", {"id": 7})


def test_a_schedule_names_its_rule() -> None:
    event: Any = schedule_event("hourly")
    assert event["source"] == "aws.events"
    assert event["resources"][0].endswith("rule/hourly")


def test_a_batch_from_a_table_has_its_items_in_order() -> None:
    batch = records(dynamodb_event({"id": {"S": "7"}}, {"id": {"S": "8"}}, name="MODIFY"))
    assert [record["dynamodb"]["SequenceNumber"] for record in batch] == ["1", "2"]
    assert batch[1]["dynamodb"]["NewImage"] == {"id": {"S": "8"}}
