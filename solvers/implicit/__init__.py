"""Steps that solve for the next state: all blocks at once."""
