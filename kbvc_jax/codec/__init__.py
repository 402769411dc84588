"""Normative: what a decoder does. What is here changes the format."""
