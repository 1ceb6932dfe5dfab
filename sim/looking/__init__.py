"""Looking at what a run has left, or is leaving: its state, pictures, a report, a comparison.

Run directories come from anywhere, so nothing in them is trusted: see `hdf5`, `record` and `words`.
"""
