"""Several devices, or several processes, code runs of one film."""
