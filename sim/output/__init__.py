"""What a run leaves behind: the run directory, snapshots, the series that ties them together."""
