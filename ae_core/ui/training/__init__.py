"""Training on the page: the form, what goes on, and what was interrupted."""
