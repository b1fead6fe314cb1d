"""The estimators: parameters, validation, fitted attributes, saving, conversion."""
