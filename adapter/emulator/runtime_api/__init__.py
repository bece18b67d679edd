"""AWS's Runtime API, served to one runtime process."""
