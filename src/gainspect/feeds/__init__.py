"""Where images come from by themselves: a folder that a camera or another program writes into."""
