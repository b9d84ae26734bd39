"""Names of folders that people may have."""

from __future__ import annotations

AWKWARD_NAME = """-a%23b %2F?c#d é"'@{x} :y;z&k=v+w[b]*\\n%"""
"""Holds characters that mean something in a URI, in SQL, in a template, in a pattern, or to a shell."""
