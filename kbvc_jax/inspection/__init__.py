"""What a frame is made of, for people to see: panels.py of the codecs says what there is."""
