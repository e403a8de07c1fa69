"""OctoPrint's printer as the server sees it: status out, commands in."""
