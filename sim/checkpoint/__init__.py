"""Checkpoints: what a run needs to go on, anywhere, as if it had never been stopped."""
