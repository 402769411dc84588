"""The codecs: one contract, one walk, a file each."""
