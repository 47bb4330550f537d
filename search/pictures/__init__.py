"""How does a study look, on paper and on a terminal? Plain rows go in; files and tables come out."""
