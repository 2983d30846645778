"""What is exported of an endpoint's requests, as Prometheus reads it."""

from __future__ import annotations

from brickyard.workspace.serving.counts import Counts


def test_requests_are_counted_by_entity_and_by_how_they_ended() -> None:
    counts = Counts()
    for status, seconds in ((200, 0.004), (200, 0.04), (404, 0.001), (500, 400.0)):
        counts.add("e", "one", status, seconds)
    counts.add("other", "one", 200, 1.0)
    lines = counts.text("e").splitlines()
    assert 'request_count_total{served_entity_name="one"} 4' in lines
    assert 'request_4xx_count_total{served_entity_name="one"} 1' in lines
    assert 'request_5xx_count_total{served_entity_name="one"} 1' in lines
    assert 'request_latency_ms_bucket{served_entity_name="one",le="5"} 2' in lines
    assert 'request_latency_ms_bucket{served_entity_name="one",le="50"} 3' in lines
    assert 'request_latency_ms_bucket{served_entity_name="one",le="+Inf"} 4' in lines
    assert 'request_latency_ms_count{served_entity_name="one"} 4' in lines
    assert "# TYPE request_latency_ms histogram" in lines
    assert not any("cpu" in line for line in lines)


def test_what_a_process_uses_is_a_gauge() -> None:
    text = Counts().text("e", {"one": {"cpu_usage_percentage": 12.5}})
    assert 'cpu_usage_percentage{served_entity_name="one"} 12.5' in text.splitlines()
