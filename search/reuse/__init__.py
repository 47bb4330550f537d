"""How is the best of a study taken away: as a file, a model, a prediction?"""
