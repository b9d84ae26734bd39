"""The demo: the main job on real data in under a minute. `tasador.commands.demo` tells the story."""
