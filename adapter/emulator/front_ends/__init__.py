"""The HTTP front end with its event sources, and the Invoke API."""
