from __future__ import annotations

import re

from adapter.emulator.environments.log_lines import (
    ReportLine,
    end_line,
    init_line,
    report_line,
    start_line,
    timeout_line,
)


def test_the_lines_around_an_invocation_are_those_of_lambda() -> None:
    assert start_line("id") == "START RequestId: id Version: $LATEST"
    assert end_line("id") == "END RequestId: id"


def test_a_warm_report() -> None:
    assert report_line(ReportLine("id", 0.00301, 128, 38)) == (
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms"
        "\tMemory Size: 128 MB\tMax Memory Used: 38 MB"
    )


def test_the_report_of_a_cold_start_bills_the_init_and_counts_streamed_bytes() -> None:
    assert report_line(ReportLine("id", 0.01, 128, 38, 0.2, first_byte=0.002, bytes=12)) == (
        "REPORT RequestId: id\tDuration: 10.00 ms\tBilled Duration: 210 ms"
        "\tMemory Size: 128 MB\tMax Memory Used: 38 MB\tInit Duration: 200.00 ms"
        "\tTime To First Byte: 2.00 ms\tBytes Streamed: 12"
    )


def test_the_report_of_a_failure_names_its_error_type() -> None:
    line = report_line(ReportLine("id", 1, 128, status="error", error_type="Runtime.ExitError"))
    assert line.endswith("\tMemory Size: 128 MB\tStatus: error\tError Type: Runtime.ExitError")


def test_a_timeout_is_reported_in_the_words_of_lambda() -> None:
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z id Task timed out after 3\.00 seconds",
        timeout_line("id", 3),
    )


def test_a_failed_init_is_reported() -> None:
    assert init_line(10, "timeout") == (
        "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout"
    )
    assert init_line(1, "error", "Runtime.ExitError").endswith("Error Type: Runtime.ExitError")
    assert "\tPhase: invoke\t" in init_line(10, "timeout", phase="invoke")
