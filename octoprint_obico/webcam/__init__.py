"""Snapshots: fetched, checked and posted."""
