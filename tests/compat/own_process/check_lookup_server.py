"""Tables of tf.contrib.lookup on a server, which stays to the end of its process."""

import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_lookup as lookup


def test_a_shared_table_is_one_in_sessions_of_a_server():
    server = tf.train.Server.create_local_server()
    tables = []
    for words in (["a"], ["b"]):
        with tf.Graph().as_default() as graph:
            table = lookup.HashTable(lookup.KeyValueTensorInitializer(words, [7]), -1, shared_name="one")
            tables.append((graph, table.init, table.lookup(tf.constant(["a"]))))
    with tf.Session(server.target, graph=tables[0][0]) as session:
        session.run(tables[0][1])
    with tf.Session(server.target, graph=tables[1][0]) as session:
        assert session.run(tables[1][2]) == [7]
