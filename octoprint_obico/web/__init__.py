"""What the browser is answered: reads snapshots, renders, decides nothing."""
