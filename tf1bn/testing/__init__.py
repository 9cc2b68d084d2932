"""What tests of batch norms need: an oracle, graphs in every mode, and the contract of a strategy."""
