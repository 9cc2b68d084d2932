import json


def test_tables_json_and_plots_are_written(run_json, tmp_path):
    flags = ("--steps=20", "--points=3", "--strategies=inline,frozen", f"--output_dir={tmp_path}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        flags += ("--noplots",)
    content = run_json("compare_strategies", *flags)
    assert [each["name"] for each in content["models"]["mlp"]["variants"]] == ["none", "inline", "frozen"]
    assert sorted(content["files"]) == sorted(str(path) for path in tmp_path.iterdir())
    assert json.loads((tmp_path / "comparison.json").read_text())["models"] == content["models"]


def test_a_dry_run_names_everything_and_writes_nothing(run_json, tmp_path):
    plan = run_json(
        "compare_strategies", "--dry_run", "--models=mlp,cnn", "--noplots", f"--output_dir={tmp_path / 'out'}"
    )
    assert plan["variants"][:5] == ["mlp none", "mlp collection", "mlp ema", "mlp frozen", "mlp inline"]
    assert "cnn none" in plan["variants"] and not list(tmp_path.iterdir())


def test_an_unknown_strategy_is_refused(run, tmp_path):
    done = run("compare_strategies", "--strategies=emma", "--noplots", f"--output_dir={tmp_path}", "--steps=1")
    assert done.returncode == 1
    assert "unknown update strategy 'emma'" in done.stderr and "Traceback" not in done.stderr
