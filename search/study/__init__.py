"""How does a study run, from the next configuration to the last result?"""
