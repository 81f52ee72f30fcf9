"""One module for each DVC stage: fetch, validate, train, evaluate."""
