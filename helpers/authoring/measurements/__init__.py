"""The long runs behind the notebooks, a module each: `measure(seeds) -> dict` for the recorder."""
