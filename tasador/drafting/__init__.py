"""Drafting a domain from a table: what its columns are like, and the class that declares them."""
