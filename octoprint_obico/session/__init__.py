"""What has happened since OctoPrint started: the error tracker and what is read from it."""
