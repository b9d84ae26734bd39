"""The domains that come with the project. A domain of one's own is a class like these, named by its dotted path."""
