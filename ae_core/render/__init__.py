"""Arrays as pictures, values as charts, and downloads; knows value types, not the engine."""
