"""The pocket edition: the lab as one HTML file, which needs no server and no network."""
