import pytest


@pytest.mark.slow
def test_the_demo_tells_the_story(run_json):
    told = run_json("demo", "--steps=300")
    rows = {row["strategy"]: row for row in told["rows"]}
    assert list(rows) == ["inline", "collection", "ema", "frozen", "updates forgotten"]
    for name in ("inline", "collection", "ema"):
        assert rows[name]["inference"] > 0.85 and rows[name]["inference_singles"] > 0.85
    for name in ("frozen", "updates forgotten"):
        assert rows[name]["inference"] < 0.6
    for row in rows.values():
        assert row["training_graph"] > 0.85 and row["mistake"] < 0.3
