import subprocess
import sys


def test_datasets_do_not_import_tensorflow():
    code = "import sys, tf1bn.datasets as d; d.load(); print('tensorflow' in sys.modules, 'sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
