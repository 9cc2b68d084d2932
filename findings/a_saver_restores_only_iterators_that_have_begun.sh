#!/usr/bin/env bash
# A Saver with the state of an iterator in it restores only where the iterator has been initialised before.
#
# make_saveable_from_iterator puts the state of an iterator into a checkpoint of variables. A restore replaces that state, as it
# replaces variables, and variables need no initialiser then. The iterator does: without it the whole restore fails, of variables,
# too, with FailedPreconditionError, although nothing of the initial state is kept.
#
# Seen:
#   restored at once:                    FailedPreconditionError (the iterator has not been initialized)
#   initialised first, then restored:    the next element is 1, not 0
#
# Versions: tensorflow 2.21.0 numpy 2.4.6. Run on Python 3.11, Linux, CPU.
# Exits with 0 while this is so, else with another code.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow==2.21.0 numpy==2.4.6
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES= 
"$folder/venv/bin/python" - <<'PROGRAM' 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
import tensorflow as tf

v1 = tf.compat.v1

def built():
    iterator = v1.data.make_initializable_iterator(v1.data.Dataset.range(9))
    v1.add_to_collection(v1.GraphKeys.SAVEABLE_OBJECTS, tf.data.experimental.make_saveable_from_iterator(iterator))
    v1.get_variable("v", initializer=1.0)
    return iterator, iterator.get_next(), v1.train.Saver()

with tf.Graph().as_default(), v1.Session() as session:
    iterator, element, saver = built()
    session.run([v1.global_variables_initializer(), iterator.initializer])
    assert session.run(element) == 0
    saver.save(session, "./model")
with tf.Graph().as_default(), v1.Session() as session:
    iterator, element, saver = built()
    try:
        saver.restore(session, "./model")
        outcome = "restored"
    except tf.errors.FailedPreconditionError as error:
        outcome = type(error).__name__
    print("restored at once:", outcome)
    session.run(iterator.initializer)
    saver.restore(session, "./model")
    following = session.run(element)
    print("initialised first, then restored: the next element is", following)
assert outcome == "FailedPreconditionError" and following == 1
PROGRAM
