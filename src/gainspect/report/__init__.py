"""Output for people: terminal tables, pictures and HTML reports. Nothing here needs torch."""
