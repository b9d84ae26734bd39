"""The programs that drain the same listings: this project's consumer, and those that it is compared with."""
