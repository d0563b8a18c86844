"""Pages about synchronisation. Thin: they look, ask a form, call one service, and say what happened."""
