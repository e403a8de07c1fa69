"""Why it does not work: the diagnosis engine. Needs no OctoPrint."""
