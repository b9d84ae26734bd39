"""The process that carries out commands: it trains, promotes and activates models, and replies to each command once."""
