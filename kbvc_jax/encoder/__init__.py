"""What a decoder cannot tell: which symbols an encoder chooses."""
