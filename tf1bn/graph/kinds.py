"""Names that the modules here share: kinds of sources and the standard collection."""

LIVE, META, GRAPH_DEF, SAVED_MODEL = "live graph", "meta graph", "graph def", "saved model"
UPDATE_OPS = "update_ops"
TRAIN_OP = "train_op"
