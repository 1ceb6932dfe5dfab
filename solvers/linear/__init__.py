"""Systems of linear equations on distributed blocks."""
