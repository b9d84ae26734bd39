"""The worker that obeys commands: trains, checks, activates, and answers each command once."""
