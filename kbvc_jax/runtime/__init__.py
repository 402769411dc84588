"""What any program here needs: errors, output that is whole or not there, the backend."""
