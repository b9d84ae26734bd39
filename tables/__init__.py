"""Tables: one reader for every format of a file, and one meaning for a cell, wherever a file is read."""
