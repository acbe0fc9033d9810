"""Pages of the levers: what each is, how its effect is known, the targets in force, what they earned, what is recorded.

A lever's page is a list of sections (`sections`), each made by one function in a module of its own.
"""
