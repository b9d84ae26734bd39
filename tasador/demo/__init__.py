"""The demo: the main job on real data in under a minute. `tasador.cli.commands.demo` tells the story."""
