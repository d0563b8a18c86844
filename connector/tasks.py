"""What workers do for the connection. Tasks carry ids; each may run twice without harm."""

from connector.wizard import finish


def finish_setup(draft_id: int, user_id: int) -> None:
    """Turns the draft of assisted setup into the enabled connection."""
    finish.run(draft_id, user_id)
