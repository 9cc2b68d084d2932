import json


def test_help_shows_the_purpose_and_the_exit_codes(run):
    done = run("launch_local", "--help")
    assert done.returncode == 0
    assert "Exit codes:" in done.stdout and "--format" in done.stdout


def test_without_a_program_it_is_used_wrongly(run):
    done = run("launch_local", "--workers=2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage error: what stands behind the flags is missing: -- PROGRAM" in done.stderr
    for flag in ("--workers=0", "--ps=-1", "--announce=mail", "--restarts=-1", "--grace_seconds=-1"):
        assert run("launch_local", flag, "--", "true").returncode == 2


def test_a_program_that_is_not_there_is_refused(run):
    done = run("launch_local", "--format=json", "--", "none.py")
    assert done.returncode == 1
    assert "there is no such program. Got 'none.py'" in json.loads(done.stdout)["error"]


def test_a_dry_run_shows_the_commands_and_starts_nothing(run_json):
    plan = run_json("launch_local", "--dry_run", "--ps=1", "--", "train.py", "--distribution=ps")
    assert list(plan["commands"]) == ["ps 0", "worker 0", "worker 1"]
    program, *flags = plan["commands"]["worker 1"][1:]
    assert program.endswith("scripts/train.py")
    assert flags[:3] == ["--distribution=ps", "--job_name=worker", "--task_index=1"]


def test_each_task_of_a_cluster_can_say_what_it_would_do(run_json, tmp_path):
    cluster = json.dumps({"worker": ["127.0.0.1:16001"], "ps": ["127.0.0.1:16002"]})
    for job, key in (("worker", "settings"), ("ps", "serves")):
        place = [f"--cluster={cluster}", f"--job_name={job}", "--task_index=0"]
        plan = run_json("train", "--dry_run", "--distribution=ps", *place, f"--model_dir={tmp_path / 'run'}")
        assert plan["dry_run"] and key in plan and plan["distribution"]["engine"] == "ps"
    assert not list(tmp_path.iterdir())


def test_the_exit_code_of_the_first_failure_is_its_own(run):
    done = run("launch_local", "--format=json", "--announce=tf_config", "--", "sh", "-c", "echo $TF_CONFIG; exit 3")
    report = json.loads(done.stdout)
    assert (done.returncode, report["exit_code"], report["ended_by"]) == (3, 3, "failure")
    assert '[worker 0] {"cluster": {"worker": ["127.0.0.1:' in done.stderr


def test_the_text_has_a_line_for_each_process(run):
    done = run("launch_local", "--workers=1", "--", "true")
    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["exit_code", "ended_by", "seconds", "worker 0"]
