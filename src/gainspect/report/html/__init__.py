"""Reports, each a single HTML file that opens offline."""
