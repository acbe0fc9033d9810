"""Root of the API: health, schema, documentation page, handlers of errors outside the views."""
