"""What paths, lambdas and query functions of a Dataverse filter mean in SQL."""

from dataclasses import dataclass, field
from itertools import count

from sandbox.control.profile import SalesProfile
from sandbox.dataverse import errors, values
from sandbox.dataverse.query import functions
from sandbox.dataverse.schema import Schema
from sandbox.definitions.dataverse import TABLE_SUFFIX, Attribute, Table
from sandbox.odata.ast import Call, Lambda, Literal, Path
from sandbox.odata.sql import Compiler, Dialect, FilterError, Operand


@dataclass
class Source:
    """A table in FROM with the joins that paths asked for. Aliases are unique within one statement."""

    schema: Schema
    table: Table
    alias: str
    aliases: "count[int]"
    joins: list[str] = field(default_factory=list)
    joined: dict[tuple[str, str], "tuple[Table, str]"] = field(default_factory=dict)

    @classmethod
    def root(cls, schema: Schema, table: Table) -> "Source":
        return cls(schema, table, "t", count(1))

    def from_clause(self) -> str:
        return " ".join([f'"{self.table.storage}" {self.alias}', *self.joins])

    def column(self, path: tuple[str, ...]) -> tuple[str, Attribute, Table]:
        """(qualified column, attribute, its table) of a property path. Raises FilterError for an unknown name."""
        table, alias = self.table, self.alias
        for name in path[:-1]:
            table, alias = self._join(table, alias, name)
        attribute = table.by_property.get(path[-1])
        if attribute is None:
            raise FilterError(errors.unknown_property(path[-1], table.logical_name).message)
        name = "_version" if attribute.name == "versionnumber" else attribute.name
        return f'{alias}."{name}"', attribute, table

    def _join(self, table: Table, alias: str, name: str) -> tuple[Table, str]:
        if (alias, name) in self.joined:
            return self.joined[alias, name]
        if name not in table.navigation:
            raise FilterError(errors.unknown_property(name, table.logical_name).message)
        attribute, target = table.navigation[name]
        other = self.schema.by_name[target.table]
        joined = f"j{next(self.aliases)}"
        condition = f'{joined}."{other.primary_id}" = {alias}."{attribute.name}"'
        if attribute.polymorphic:
            condition += f" AND {alias}.\"{attribute.name}{TABLE_SUFFIX}\" = '{target.table}'"
        self.joins.append(f'LEFT JOIN "{other.storage}" {joined} ON {condition}')
        self.joined[alias, name] = (other, joined)
        return other, joined

    def operand(self, path: tuple[str, ...]) -> Operand:
        sql, attribute, _ = self.column(path)
        name = "/".join(path)
        if attribute.kind in ("datetime", "date"):
            return Operand(sql, attribute.kind, name=name, encode=lambda literal: _moment(attribute, literal, name))
        return Operand(sql, attribute.kind, attribute.scale if attribute.kind == "decimal" else 0, name)


@dataclass
class DataverseResolver:
    """Implements `sandbox.odata.sql.Resolver`. ``variables`` are the range variables of enclosing lambdas."""

    source: Source
    clock: functions.Moments
    variables: dict[str, Source] = field(default_factory=dict)

    def path(self, path: Path) -> Operand:
        source, parts = self._scope(path)
        if not parts:
            raise FilterError(f"The range variable '{path}' cannot be used as a value.")
        return source.operand(parts)

    def function(self, call: Call, compiler: Compiler) -> str:
        return functions.compile_call(call, compiler, self.source.operand, self.clock)

    def quantified(self, expression: Lambda, compiler: Compiler) -> str:
        source, parts = self._scope(expression.path)
        if len(parts) != 1:
            raise FilterError(f"The path '{expression.path}' of a lambda expression is not supported.")
        inner, link, extra_join = self._collection(source, parts[0])
        condition = ""
        if expression.condition is not None and expression.variable is not None:
            scope = {**self.variables, expression.variable: inner}
            resolver = DataverseResolver(inner, self.clock, scope)
            condition = Compiler(resolver, compiler.dialect, compiler.params).compile(expression.condition)
        if expression.quantifier == "all":
            condition = f"NOT coalesce({condition}, 0)"
        where = f"{link} AND {condition}" if condition else link
        found = f"EXISTS (SELECT 1 FROM {inner.from_clause()}{extra_join} WHERE {where})"  # noqa: S608 - names are ours
        return f"NOT {found}" if expression.quantifier == "all" else found

    def _scope(self, path: Path) -> tuple[Source, tuple[str, ...]]:
        if path.parts[0] in self.variables:
            return self.variables[path.parts[0]], path.parts[1:]
        return self.source, path.parts

    def _collection(self, source: Source, name: str) -> tuple[Source, str, str]:
        """(inner source, condition that links it to the outer row, further join)."""
        table = source.table
        relationship = source.schema.collections.get(table.logical_name, {}).get(name)
        alias = f"c{next(source.aliases)}"
        if relationship is not None:
            child = source.schema.by_name[relationship.many]
            link = f'{alias}."{relationship.column}" = {source.alias}."{table.primary_id}"'
            if child.attributes[relationship.column].polymorphic:
                link += f" AND {alias}.\"{relationship.column}{TABLE_SUFFIX}\" = '{table.logical_name}'"
            return Source(source.schema, child, alias, source.aliases), link, ""
        association = source.schema.associations.get(table.logical_name, {}).get(name)
        if association is None:
            raise FilterError(errors.unknown_property(name, table.logical_name).message)
        mine, other, other_column = association.first_column, association.second, association.second_column
        if association.first != table.logical_name:
            mine, other, other_column = association.second_column, association.first, association.first_column
        target = source.schema.by_name[other]
        between = f"i{next(source.aliases)}"
        join = (
            f' JOIN "{source.schema.by_name[association.intersect].storage}" {between}'
            f' ON {between}."{other_column}" = {alias}."{target.primary_id}"'
        )
        link = f'{between}."{mine}" = {source.alias}."{table.primary_id}"'
        return Source(source.schema, target, alias, source.aliases), link, join


def _moment(attribute: Attribute, literal: Literal, name: str) -> str:
    if literal.kind not in ("date", "datetime") or (attribute.date_only and literal.kind != "date"):
        raise FilterError(
            "A binary operator with incompatible types was detected. Found operand types"
            f" '{'Edm.Date' if attribute.date_only else 'Edm.DateTimeOffset'}' and a {literal.kind} for '{name}'."
        )
    try:
        return values.parse_datetime(attribute, str(literal.value))
    except errors.DataverseError as error:
        raise FilterError(error.message) from error


def dialect(profile: SalesProfile) -> Dialect:
    return Dialect(
        wildcards=True,
        ne_includes_null=profile.ne_includes_null,
        eq_wildcards=profile.eq_wildcards,
        heeds_accents=profile.heeds_accents,
        value_functions=False,
    )
