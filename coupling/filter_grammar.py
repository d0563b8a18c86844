"""odata-query's grammar, with one correction: its keywords end where a word ends.

The library's lexer takes the first letters of `allowUpdatingDefaults`, `anything` or `nullable` for keywords.
"""

from typing import Any

from odata_query import ast
from odata_query.grammar import ODataLexer, ODataParser


class FilterLexer(ODataLexer):
    tokens = ODataLexer.tokens

    @_(r"(?:true|false)\b")  # type: ignore[name-defined] # noqa: F821 - the decorator is put there by the metaclass
    def BOOLEAN(self, token: Any) -> Any:  # noqa: N802 - names of tokens
        token.value = ast.Boolean(token.value)
        return token

    @_(r"null\b")  # type: ignore[name-defined] # noqa: F821
    def NULL(self, token: Any) -> Any:  # noqa: N802
        token.value = ast.Null()
        return token

    @_(r"any\b")  # type: ignore[name-defined] # noqa: F821
    def ANY(self, token: Any) -> Any:  # noqa: N802
        token.value = ast.Any()
        return token

    @_(r"all\b")  # type: ignore[name-defined] # noqa: F821
    def ALL(self, token: Any) -> Any:  # noqa: N802
        token.value = ast.All()
        return token


def parse(text: str) -> ast._Node:
    """The syntax tree. Raises ODataException (ParsingException, TokenizingException with the token)."""
    return ODataParser().parse(FilterLexer().tokenize(text))
