"""``slim``'s data sets: files of records, read in parallel by queues, and decoded to items by name."""
