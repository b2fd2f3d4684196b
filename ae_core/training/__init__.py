"""The one loop, its step, its compute; jobs with a state; runs in the background and in several processes."""
