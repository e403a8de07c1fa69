"""What this computer knows of itself: its network, its Wi-Fi, its power, and its line."""
