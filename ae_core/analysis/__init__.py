"""What one picture or one model shows: every number and array that a view lays out."""
