"""The commands of `tasador dead-letters`."""
