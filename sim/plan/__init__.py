"""`python -m sim plan CASE --ranks N`: blocks, memory, messages, depth, time and efficiency, before anything runs."""
