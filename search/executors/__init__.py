"""Where do trials run? Every executor speaks the same messages; the coordinator does not know which it has."""
