import json
import shutil


def test_another_process_restores_what_was_trained(run_json, trained):
    report = run_json("evaluate", f"--model_dir={trained[1]}", "--singles=50")
    assert report["accuracy"] > 0.8 and report["single_image_accuracy"] > 0.7
    assert report["batch_statistics_single_image_accuracy"] < 0.3
    assert (report["singles"], report["model"], report["update_strategy"]) == (50, "mlp", "inline")
    assert (report["checkpoint"], report["step"]) == (str(trained[1] / "model-150"), 150)


def test_a_checkpoint_can_be_named(run, trained):
    done = run("evaluate", f"--checkpoint={trained[1] / 'model-150'}")
    assert done.returncode == 0
    assert done.stdout.startswith("accuracy: 0.")


def test_a_missing_folder_is_refused(run, tmp_path):
    done = run("evaluate", "--format=json", f"--model_dir={tmp_path / 'none'}")
    assert done.returncode == 1
    assert "there is no folder" in json.loads(done.stdout)["error"]


def test_a_truncated_checkpoint_is_refused(run, trained, tmp_path):
    folder = shutil.copytree(trained[1], tmp_path / "copy")
    path = folder / "model-150.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:5000])
    done = run("evaluate", f"--model_dir={folder}")
    assert done.returncode == 1
    assert "is damaged or incomplete" in done.stderr and "Traceback" not in done.stderr
