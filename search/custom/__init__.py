"""How does a model that a user has written become part of a study?

The worker imports the user's file and runs its function (``load``, ``build``). Each hyperparameter that the function
asks for (``hp``, ``optuna_trial``) travels to the coordinator as a Suggest and comes back as a value (``dialogue``,
``answers``). The coordinator itself never imports the file: it reads it as text (``source``).
"""
