"""Converts frozen graphs to TensorFlow.js, beside the TensorFlow that its converter needs."""

import contextlib
import json
import sys
import traceback


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # the converter prints what it does
    from tensorflowjs.converters import tf_saved_model_conversion_v2 as converter

    for line in sys.stdin:
        question = json.loads(line)
        answer = {}
        try:
            with contextlib.redirect_stdout(sys.stderr):
                converter.convert_tf_frozen_model(question["frozen"], question["output"], question["folder"])
        except Exception:
            answer["error"] = traceback.format_exc()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
