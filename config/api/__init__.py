"""The root of the API: health, schema, documentation page, and handlers of errors outside the views."""
