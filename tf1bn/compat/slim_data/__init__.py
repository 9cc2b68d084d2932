"""``slim``'s data sets: files of records, read in parallel by queues, and decoded to items by name.

In come patterns of files, a reader and a decoder; out come tensors of one example, by the names of items, which
``tf.train.batch`` takes.

To read, in this order: :mod:`item_handlers` (from features to an item), :mod:`data_decoder`, :mod:`tfexample_decoder`,
:mod:`dataset`, :mod:`parallel_reader`, :mod:`data_provider`, :mod:`dataset_data_provider`, :mod:`prefetch_queue`.
"""
