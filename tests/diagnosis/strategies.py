"""Bodies and observations for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from adapter.diagnosis.observation import Chunk, Observation

times = st.floats(0, 100, allow_nan=False)
chunks = st.lists(st.builds(Chunk, times, st.integers(1, 10_000)), max_size=20).map(sorted)
names = st.sampled_from(
    ["content-type", "content-length", "content-encoding", "server", "via", "x-cache", "location"]
)
words = st.sampled_from(["text/event-stream", "gzip", "nginx", "hit", "{", "}", "{0}", "7"])
observations = st.builds(
    Observation,
    duration=times,
    received=chunks,
    written=chunks,
    head_at=st.none() | times,
    status=st.none() | st.integers(100, 599),
    headers=st.lists(st.tuples(names, words), max_size=4),
    head_bytes=st.integers(0, 20_000),
    body_start=st.binary(max_size=20) | st.just(b'{"statusCode":200}' + bytes(8)),
    protocol=st.sampled_from(["HTTP/1.0", "HTTP/1.1"]),
    broken=st.sampled_from(["", "{} is lost"]),
    error=st.sampled_from(["", "Boom: {x}", "Boom: A sentence."]),
    buffering=st.sampled_from(["", "The URL"]),
    middleware=st.lists(st.sampled_from(["GZipMiddleware", "CORSMiddleware"]), max_size=2),
    log=st.lists(st.text(max_size=5), max_size=2),
    expected_to_stream=st.booleans(),
    templates=st.lists(words, max_size=2),
)
