"""How the system grows on paper: machines by rate, and a day under different ways of scaling consumers."""
