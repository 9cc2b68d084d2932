"""Names of what is timed, as results, goals and plots use them."""

OURS = "tf1bn"
OURS_COLLECTION = "tf1bn_collection"
OURS_PRECISE = "tf1bn_precise"
AGAIN = "tf1bn_again"  # the same as OURS: what differs between the two is noise
NATIVE = f"{OURS}:native"
NATIVE_AGAIN = f"{NATIVE}_again"
TEXTBOOK = "textbook"
SLIM = ("slim", "slim_collection")
UPDATE_OPS_PEERS = ("slim_collection", "tf_layers", "tensorpack")
FUSED_PEERS = (*SLIM, "tf_layers", "tensorpack")
PEERS = (TEXTBOOK, *FUSED_PEERS)

IDENT = "ident"  # two one-pass elementwise ops
BIASES, BIASES_AGAIN = "biases", "biases_again"  # the network without batch norm
FOLDED = "folded"  # the same with the batch norms in its kernels and biases

ONEDNN = ("on", "off")

SUITES = ("step", "network", "inference", "graph_build", "import_time")
