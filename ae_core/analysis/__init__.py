"""What one picture or one model shows: every value and array that a view lays out."""
