"""Contracts and integer golden models shared by all rooms (numpy only)."""
