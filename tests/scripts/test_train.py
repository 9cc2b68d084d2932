import json
import signal
import subprocess
import time

import pytest

from tests import patience

KEYS = {
    "steps", "loss", "validation_accuracy", "test_accuracy", "steps_per_second", "checkpoint", "resumed_from",
    "interrupted",
}  # fmt: skip


def test_the_report_has_every_promised_key(trained):
    report, folder = trained
    assert set(report) == KEYS
    assert (report["steps"], report["resumed_from"], report["interrupted"]) == (150, 0, None)
    assert report["checkpoint"] == str(folder / "model-150")
    assert report["test_accuracy"] > 0.8 and report["validation_accuracy"] > 0.8 and report["steps_per_second"] > 0


def test_sigterm_saves_and_the_same_command_goes_on(command, run_json, tmp_path):
    line, environment = command(
        "train", "--format=json", "--steps=1000000", f"--model_dir={tmp_path}", "--save_every=20"
    )
    with subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            deadline = time.monotonic() + patience.SECONDS
            while not (tmp_path / "checkpoint").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            stdout, _ = process.communicate()
        finally:
            process.kill()
    assert process.returncode == 143
    report = json.loads(stdout)
    assert report["interrupted"] == "SIGTERM" and report["test_accuracy"] is None
    assert (tmp_path / f"model-{report['steps']}.index").exists()
    resumed = run_json("train", f"--steps={report['steps'] + 5}", f"--model_dir={tmp_path}")
    assert (resumed["resumed_from"], resumed["steps"]) == (report["steps"], report["steps"] + 5)


def test_text_goes_to_stdout_and_progress_to_stderr(run, tmp_path):
    done = run("train", "--steps=10", f"--model_dir={tmp_path}", "--nobatch_norm", "--learning_rate=0.001")
    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stdout.splitlines()][:2] == ["steps", "loss"]
    assert "mlp none: 10/10" in done.stderr


def test_a_dry_run_writes_nothing(run_json, tmp_path):
    plan = run_json("train", "--dry_run", "--nobatch_norm", "--update_strategy=ema", f"--model_dir={tmp_path / 'run'}")
    assert plan["dry_run"] and plan["settings"]["batch_norm"] is False and plan["settings"]["batch_size"] == 60
    assert not list(tmp_path.iterdir())


def test_another_strategy_in_the_folder_is_refused_with_one_object(run, trained):
    done = run("train", "--format=json", "--update_strategy=ema", "--decay=0.9", f"--model_dir={trained[1]}")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert "holds another run: update_strategy 'inline' there, 'ema' asked for" in error
    assert error in done.stderr and "Traceback" not in done.stderr


def test_an_unwritable_folder_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("train", f"--model_dir={tmp_path / 'file' / 'run'}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: train: cannot write into" in done.stderr and "Traceback" not in done.stderr


def test_a_missing_data_folder_is_refused(run, tmp_path):
    done = run("train", f"--data_dir={tmp_path / 'none'}", f"--model_dir={tmp_path / 'run'}")
    assert done.returncode == 1
    assert "no such folder" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.mnist
def test_mnist_goes_from_training_to_evaluation(run_json, mnist_dir, tmp_path):
    trained = run_json("train", "--steps=400", "--decay=0.95", f"--data_dir={mnist_dir}", f"--model_dir={tmp_path}")
    report = run_json("evaluate", f"--model_dir={tmp_path}")
    assert trained["test_accuracy"] > 0.83 and report["accuracy"] > 0.83
    assert (report["test_images"], report["same_data"]) == (10000, True)


def test_a_kernel_is_refused_as_at_a_layer(run, tmp_path):
    done = run("train", "--kernel=fast", "--steps=1", f"--model_dir={tmp_path / 'run'}")
    assert done.returncode == 1 and "`kernel` is unknown. Got 'fast'" in done.stderr
