"""The built-in domains. A user's own domain is a class like these, named by its dotted path."""
