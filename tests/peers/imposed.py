"""Tests of other projects that cannot pass through Lambda, by reason.

They are named by the patterns of `fnmatch`, without their parameters, and are not run.
"""

from __future__ import annotations

Reasons = dict[str, tuple[str, ...]]

REPEATED = "Lambda joins the values of a repeated request header with a comma."
FORWARDED = "Lambda adds x-forwarded-* headers, and the test compares all headers."
CLIENT_ADDRESS = "The client's address is that in the event; there is no port."
TRAILERS = "A response through Lambda has no trailers: its stream uses them for errors."
PUSH = "Lambda has no server push."
HOST = "Lambda finds a function by the Host header: no invalid one gets there, and no port 0."
BUFFERS = "Lambda takes a response as fast as it can, not as fast as the client does."
CLOSED = "Lambda does not cancel an app whose client leaves."
HEAD_WAITS = "The head waits for the first body message, so a failure between the two is a 500."
BODY_OF_500 = "The 500 for an app that failed before its head has a body."
DEBUG = "The extension `http.response.debug` is the test client's own."
REPLACED = "The test replaces `json.loads` in the whole process, and so for Lambda's events."
LOGGED = "pytest keeps the log record of a failure, and that keeps the request."

STARLETTE: Reasons = {
    REPEATED: ("tests/test_testclient.py::test_with_duplicate_headers",),
    FORWARDED: ("tests/test_requests.py::test_request_headers",),
    CLIENT_ADDRESS: (
        "tests/test_testclient.py::test_client",
        "tests/test_testclient.py::test_client_custom_client",
    ),
    TRAILERS: (
        "tests/middleware/test_gzip.py::*_trailers",
        "tests/test_testclient.py::*trailer*",
    ),
    PUSH: ("tests/test_requests.py::test_request_send_push_promise",),
    HOST: (
        "tests/middleware/test_https_redirect.py::test_https_redirect_middleware",
        "tests/test_testclient.py::test_ipv6_base_url",
    ),
    BUFFERS: (
        "tests/test_testclient.py::test_streaming_response_applies_backpressure",
        "tests/test_testclient.py::test_streaming_response_skips_empty_and_head_bodies",
    ),
    CLOSED: (
        "tests/test_testclient.py::test_closing_client_cancels_unclosed_response",
        "tests/test_testclient.py::test_closing_unfinished_response_cancels_application",
    ),
    BODY_OF_500: ("tests/test_exceptions.py::test_force_500_response",),
    DEBUG: (
        "tests/test_templates.py::test_templates",
        "tests/test_templates.py::test_calls_context_processors",
        "tests/test_templates.py::test_template_with_middleware",
        "tests/test_templates.py::test_templates_with_directories",
        "tests/test_templates.py::test_templates_with_environment",
        "tests/test_testclient.py::test_debug_info_in_response_extensions*",
    ),
}

_ALIASES = "tests/test_header_cookie_alias_choices.py::"
_HEADERS = "tests/test_request_params/test_header/"
_TUTORIAL = "tests/test_tutorial/test_header_param_models/"

FASTAPI: Reasons = {
    REPEATED: (
        f"{_ALIASES}test_header_list_choices_preserve_items",
        f"{_ALIASES}test_repeated_scalar_header_uses_first_value",
        f"{_ALIASES}test_header_choices_follow_declaration_order",
        f"{_ALIASES}test_header_model_fields_can_share_an_unused_alias_choice",
        "tests/test_header_cookie_optional_models.py::test_optional_header_model",
        "tests/test_multiple_parameter_models.py::test_header_conversion_is_per_model_*",
        "tests/test_query_cookie_header_model_extra_params.py::test_header_pass_extra_list",
        "tests/test_request_params/test_field_options.py::test_fail_fast",
        "tests/test_request_params/test_nullable_and_defaults.py::*repeated_values",
        "tests/test_request_params/test_nullable_and_defaults.py::"
        "test_nullable_list_parameter_default_factory",
        f"{_HEADERS}test_list.py::test_required_list_*",
        f"{_HEADERS}test_optional_list.py::test_optional_list_*",
        f"{_HEADERS}test_nullable_and_defaults.py::test_header_model_list_error_*",
        "tests/test_telemetry/test_http.py::test_custom_propagator_can_read_repeated_headers",
        "tests/test_tutorial/test_header_params/test_tutorial003.py::test",
        f"{_TUTORIAL}test_tutorial00[13].py::test_header_param_model",
    ),
    FORWARDED: (
        f"{_ALIASES}test_header_model_does_not_duplicate_lowercase_alias_as_extra",
        f"{_ALIASES}test_header_model_unused_alias_choice_keeps_extra_value_shape",
        "tests/test_header_cookie_optional_models.py::test_automatic_headers_follow_*",
        "tests/test_header_cookie_optional_models.py::test_allowed_header_extras_*",
        "tests/test_multiple_parameter_models.py::test_composed_parameter_models_*_extras",
        f"{_HEADERS}test_nullable_and_defaults.py::test_header_model_extra_error_*",
        f"{_TUTORIAL}test_tutorial001.py::test_header_param_model_invalid",
        f"{_TUTORIAL}test_tutorial002.py::test_header_param_model*",
        f"{_TUTORIAL}test_tutorial003.py::test_header_param_model_*",
    ),
    CLIENT_ADDRESS: (
        "tests/test_tutorial/test_using_request_directly/test_tutorial001.py::test_path_operation",
    ),
    HEAD_WAITS: (
        "tests/test_dependency_after_yield_streaming.py::test_broken_session_stream_no_raise",
    ),
    REPLACED: ("tests/test_tutorial/test_body/test_tutorial001.py::test_other_exceptions",),
    LOGGED: (
        "tests/test_telemetry/test_data.py::test_retained_context_does_not_keep_*_request_alive",
    ),
}

IMPOSED = {"starlette": STARLETTE, "fastapi": FASTAPI}
