"""Training on the page: the form, the runs at work, and those that were interrupted."""
