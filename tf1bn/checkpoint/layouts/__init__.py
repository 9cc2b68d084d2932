"""One file per code base whose checkpoints are known, and the catalog of them."""
