"""What makes the imports of a cold start fast."""
