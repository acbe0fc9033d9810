from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # a slow machine must not fail a property
settings.load_profile("no_deadline")
