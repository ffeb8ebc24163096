"""Reading the stats document, one part at a time, so that a broken part never hurts another."""
