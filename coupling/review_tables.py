"""Tables and filters of reviews and of ruled-out pairs."""

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.web import parts
from config.web.columns import CheckBoxColumn, TimeColumn
from config.web.filters import FilterSet
from config.web.tables import Table
from connector.choices import System
from coupling.matching.choices import MatchVerdict
from coupling.matching.models import MatchLine, RuledOutPair
from coupling.models import BusinessCentralRecord, SalesRecord, TableMapping
from coupling.records import first_value
from coupling.services.review import ShownCandidate, ShownLine, show
from coupling.services.search import matching

COUPLED = "coupled"
TABS = [*MatchVerdict.choices, (COUPLED, "Coupled")]


class ReviewFilterSet(FilterSet):
    """`for_mapping` makes the filter set of one mapping's lines."""

    search = django_filters.CharFilter(method="find", label="Search")
    verdict = django_filters.ChoiceFilter(choices=TABS, method="keep", label="Result", empty_label="All results")
    min_score = django_filters.NumberFilter(method="keep_score", label="Score at least (%)", min_value=0, max_value=100)

    mapping: TableMapping

    class Meta:
        model = MatchLine
        fields = ("search", "verdict", "min_score")

    @classmethod
    def for_mapping(cls, mapping: TableMapping) -> type["ReviewFilterSet"]:
        return type(cls.__name__, (cls,), {"mapping": mapping})

    def find(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        records = BusinessCentralRecord.objects.of_table(
            self.mapping.connection_id, self.mapping.business_central_table
        )
        place = (self.mapping.connection_id, self.mapping.business_central_table)
        return rows.filter(bc_key__in=matching(records, value, place=place).order_by().values("key"))

    def keep(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == COUPLED:
            return rows.filter(is_coupled=True)
        return rows.filter(verdict=value, is_coupled=False)

    def keep_score(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        return rows.filter(score__gte=int(value * 10))


def tags(words: list[str], css: str = "tag") -> SafeString:
    return format_html_join(" ", '<span class="{}">{}</span>', ((css, word) for word in words))


class ReviewTable(Table):
    """Lines of one mapping; what they show is fetched for the page at once."""

    selection = CheckBoxColumn()
    record = tables.Column(accessor="bc_key", verbose_name="Business Central", orderable=False)
    candidate = tables.Column(accessor="best_key", verbose_name="Sales", orderable=False, empty_values=())
    score = tables.Column(verbose_name="Score", attrs={"td": {"class": "col-score"}})
    reasons = tables.Column(accessor="pk", verbose_name="Why", orderable=False)
    differs = tables.Column(accessor="pk", verbose_name="Different values", orderable=False)
    verdict = tables.Column(verbose_name="Result")
    open = tables.Column(accessor="pk", verbose_name="Decide", orderable=False, exclude_from_export=True)

    class Meta(Table.Meta):
        caption = "Records and their candidates"
        default_columns = ["selection", "record", "candidate", "score", "reasons", "differs", "verdict", "open"]
        order_by = ("-score", "id")
        empty_title = "Nothing to review"
        empty_hint = "Every record inside the filter is coupled, or nothing was compared yet."

    mapping: TableMapping

    @classmethod
    def for_mapping(cls, mapping: TableMapping) -> type["ReviewTable"]:
        return type("ReviewTable", (cls,), {"mapping": mapping, "Meta": cls.Meta})

    @property
    def paginated_rows(self) -> Any:
        rows = super().paginated_rows
        self._shown = {each.line.pk: each for each in show(rows.data, self.mapping)}
        return rows

    def _of(self, record: MatchLine) -> ShownLine:
        return self._shown[record.pk]

    def render_record(self, record: MatchLine) -> SafeString:
        shown = self._of(record).record
        if shown is None:
            return parts.NOTHING
        return format_html(
            '<a class="col-name" href="{}">{}</a><span class="sub">{}</span>',
            self._address(record),
            str(shown),
            first_value(shown, "city"),
        )

    def render_candidate(self, record: MatchLine) -> SafeString:
        line = self._of(record)
        if line.coupling is not None:
            return format_html(
                '<a href="{}">{}</a>',
                reverse("coupling-detail", args=[self.mapping.connection.slug, line.coupling.pk]),
                line.best.record if line.best else "Coupled",
            )
        if line.best is None:
            return parts.NOTHING
        first, *others = line.candidates
        shown = _candidate(line.best)
        rest = [each for each in [first, *others] if each is not line.best]
        if not rest:
            return shown
        return format_html(
            '{}<details class="others"><summary>{} more</summary><ul>{}</ul></details>',
            shown,
            len(rest),
            format_html_join(
                "", "<li>{} <span class='percent'>{} %</span> {}</li>",
                ((_candidate(each), each.percent, tags(each.reasons)) for each in rest),
            ),
        )  # fmt: skip

    def render_score(self, record: MatchLine) -> SafeString:
        best = self._of(record).best
        if best is None:
            return parts.NOTHING
        return format_html('<meter min="0" max="100" value="{0}" aria-hidden="true"></meter> {0} %', best.percent)

    def render_reasons(self, record: MatchLine) -> SafeString:
        best = self._of(record).best
        return format_html("{} {}", tags(best.reasons), tags(best.doubts, "tag tag-bad")) if best else parts.NOTHING

    def render_differs(self, record: MatchLine) -> SafeString | str:
        best = self._of(record).best
        return ", ".join(best.differs) if best and best.differs else parts.NOTHING

    def render_verdict(self, record: MatchLine) -> SafeString:
        if self._of(record).coupling is not None:
            return parts.badge("couple", "Coupled")
        return parts.badge(MatchVerdict(record.verdict))

    def render_open(self, record: MatchLine) -> SafeString:
        line = self._of(record)
        if line.coupling is not None:
            return parts.NOTHING
        return format_html(
            '<a class="btn btn-sm" href="{}">Look<span class="visually-hidden"> at {}</span></a>',
            self._address(record),
            line.record or "",
        )

    def _address(self, record: MatchLine) -> str:
        line = self._of(record)
        slug = self.mapping.connection.slug
        if line.coupling is not None:
            return reverse("coupling-detail", args=[slug, line.coupling.pk])
        return f"{reverse('queue', args=[slug, self.mapping.name])}?record={record.bc_key}"


def _candidate(each: ShownCandidate) -> SafeString:
    facts = [first_value(each.record, "city"), each.record.number]
    taken = f"coupled to {each.coupled_to}" if each.coupled_to else ""
    return format_html(
        '<span>{}</span><span class="sub">{}</span>{}',
        each.record.name or each.record.number,
        " · ".join(fact for fact in facts if fact),
        tags([taken], "tag tag-bad") if taken else "",
    )


class RuledOutFilterSet(FilterSet):
    search = django_filters.CharFilter(method="find", label="Search")
    mapping = django_filters.ModelChoiceFilter(
        queryset=lambda request: TableMapping.objects.filter(
            connection=request.connection, ruled_out__isnull=False
        ).distinct(),
        to_field_name="name",
        label="Mapping",
        empty_label="All mappings",
    )

    class Meta:
        model = RuledOutPair
        fields = ("search", "mapping")

    def find(self, rows: QuerySet[RuledOutPair], name: str, value: str) -> QuerySet[RuledOutPair]:
        connection: Any = self.request.connection
        found = [
            matching(model.objects.filter(connection=connection), value, place=(connection.pk, ""))
            .order_by()
            .values("key")
            for model in (BusinessCentralRecord, SalesRecord)
        ]
        return rows.filter(bc_key__in=found[0]) | rows.filter(sales_key__in=found[1])


class RuledOutTable(Table):
    """Pairs that are never suggested; `attach` sets both records of every row."""

    selection = CheckBoxColumn()
    mapping = tables.Column(accessor="mapping__name", verbose_name="Mapping")
    bc = tables.Column(accessor="bc_key", verbose_name="Business Central", orderable=False)
    sales = tables.Column(accessor="sales_key", verbose_name="Sales", orderable=False)
    reason = tables.Column(verbose_name="Reason")
    user = tables.Column(accessor="user__username", verbose_name="By")
    at = TimeColumn(verbose_name="When")

    class Meta(Table.Meta):
        caption = "Ruled-out pairs"
        default_columns = ["selection", "mapping", "bc", "sales", "user", "at", "reason"]
        order_by = ("-at", "-id")
        empty_title = "Nothing is ruled out"
        empty_hint = "Pairs that somebody said are not the same appear here, and can be allowed again."

    @property
    def paginated_rows(self) -> Any:
        rows = super().paginated_rows
        self._names = _names(list(rows.data))
        return rows

    def as_values(self, exclude_columns: Any = None) -> Any:
        self._names = _names(list(self.data.data))
        return super().as_values(exclude_columns=exclude_columns)

    def render_bc(self, record: RuledOutPair) -> str:
        return self._names.get((System.BUSINESS_CENTRAL, record.bc_key), str(record.bc_key))

    def render_sales(self, record: RuledOutPair) -> str:
        return self._names.get((System.SALES, record.sales_key), str(record.sales_key))


def _names(rows: list[RuledOutPair]) -> dict[tuple[System, Any], str]:
    found: dict[tuple[System, Any], str] = {}
    sides: list[tuple[System, Any, str, str]] = [
        (System.BUSINESS_CENTRAL, BusinessCentralRecord, "business_central_table", "bc_key"),
        (System.SALES, SalesRecord, "sales_table", "sales_key"),
    ]
    for system, model, table, key in sides:
        records = model.objects.filter(
            connection_id__in={row.mapping.connection_id for row in rows},
            table__in={getattr(row.mapping, table) for row in rows},
            key__in={getattr(row, key) for row in rows},
        )
        found |= {(system, record.key): str(record) for record in records}
    return found
