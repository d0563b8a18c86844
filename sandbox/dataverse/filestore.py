"""Where the contents of file columns lie: beside the rows, which hold only the id and the name of their file."""

import uuid
from dataclasses import dataclass

from sandbox.storage import Column, Store, Table, Transaction

FILES = Table(
    name="sales_files",
    columns=(
        Column("id", "guid"),
        Column("owner", "guid"),
        Column("column_name"),
        Column("file_name"),
        Column("mime_type"),
        Column("content"),
    ),
    indexes=(("owner",),),
)
SESSIONS = Table(
    name="sales_upload_sessions",
    columns=(Column("id", "guid"), Column("owner", "guid"), Column("column_name"), Column("file_name")),
)
CHUNKS = Table(
    name="sales_upload_chunks",
    columns=(Column("id", "guid"), Column("session", "guid"), Column("start", "integer"), Column("content")),
    indexes=(("session", "start"),),
)


@dataclass(frozen=True, slots=True)
class File:
    id: str
    name: str
    mime_type: str
    content: bytes


def define(store: Store) -> None:
    for table in (FILES, SESSIONS, CHUNKS):
        store.define(table)


def find(tx: Transaction, owner: str, column: str) -> File | None:
    row = tx.first(FILES.name, owner=owner, column_name=column)
    return None if row is None else File(row["id"], row["file_name"], row["mime_type"], row["content"])


def put(tx: Transaction, owner: str, column: str, name: str, mime_type: str, content: bytes) -> File:
    """Replaces what the column held."""
    remove(tx, owner, column)
    file = File(str(uuid.uuid4()), name, mime_type, content)
    tx.insert(
        FILES.name,
        {
            "id": file.id,
            "owner": owner,
            "column_name": column,
            "file_name": name,
            "mime_type": mime_type,
            "content": content,
        },
    )
    return file


def remove(tx: Transaction, owner: str, column: str | None = None) -> None:
    """Removes the file of one column, or all files of a row."""
    wanted = {"owner": owner} if column is None else {"owner": owner, "column_name": column}
    for row in tx.find(FILES.name, **wanted):
        tx.delete(FILES.name, row["id"])


def remove_column(tx: Transaction, column: str) -> None:
    for row in tx.find(FILES.name, column_name=column):
        tx.delete(FILES.name, row["id"])


# -- Uploads in chunks


def open_session(tx: Transaction, owner: str, column: str, name: str) -> str:
    token = str(uuid.uuid4())
    tx.insert(SESSIONS.name, {"id": token, "owner": owner, "column_name": column, "file_name": name})
    return token


def session_name(tx: Transaction, token: str, owner: str, column: str) -> str | None:
    """The file name that an open session was started with; None for a token that is not of this column."""
    row = tx.get(SESSIONS.name, token.lower())
    if row is None or (row["owner"], row["column_name"]) != (owner, column):
        return None
    return str(row["file_name"])


def received(tx: Transaction, token: str) -> int:
    """Bytes that have arrived so far."""
    sql = f"SELECT coalesce(max(start + length(content)), 0) FROM {CHUNKS.name} WHERE session = ?"  # noqa: S608
    return int(tx.execute(sql, [token.lower()]).fetchone()[0])


def add_chunk(tx: Transaction, token: str, start: int, content: bytes) -> None:
    tx.insert(CHUNKS.name, {"id": str(uuid.uuid4()), "session": token.lower(), "start": start, "content": content})


def close_session(tx: Transaction, token: str) -> bytes:
    """The assembled content; session and chunks are gone afterwards."""
    token = token.lower()
    content = bytearray()
    for row in sorted(tx.find(CHUNKS.name, session=token), key=lambda row: int(row["start"])):
        content += row["content"]
        tx.delete(CHUNKS.name, row["id"])
    tx.delete(SESSIONS.name, token)
    return bytes(content)
