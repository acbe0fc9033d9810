from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # a shared machine must not decide a property
settings.load_profile("no_deadline")
