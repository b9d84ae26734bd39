"""The pages with the documentation of the routes, which need no other host."""
