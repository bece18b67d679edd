"""The function URL and the Invoke API: HTTP requests in, responses of the function out."""
