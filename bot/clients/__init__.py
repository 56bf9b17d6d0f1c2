"""Bounded input and output: what a peer may send is limited in bytes and seconds before it is read."""
