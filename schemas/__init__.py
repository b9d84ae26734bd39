"""Contracts that cross a process boundary: domains, events, commands, stream names, settings, errors."""
