"""Events as AWS sends them, for tests and for the local Lambda. Not part of a deployment."""
