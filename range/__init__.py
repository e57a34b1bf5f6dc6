"""Starts a real store and one of its vendors on loopback, attacks them with real tools, keeps what a responder would have."""
