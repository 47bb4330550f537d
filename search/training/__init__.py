"""How is a model trained, epoch by epoch?"""
