"""The night report: what a night did, in `ops`, on the terminal and as one HTML page."""
