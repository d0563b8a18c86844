"""Template tags of the visual language, written in `config.web.parts`; built in, so templates need no `{% load %}`."""

from django import template

from config.web import parts

register = template.Library()

for tag in (parts.icon, parts.badge, parts.badge_for, parts.direction, parts.copyable):
    register.simple_tag(tag)
register.simple_tag(parts.query, takes_context=True)
register.simple_tag(parts.query_without, takes_context=True)
for part in (parts.moment, parts.duration, parts.minutes, parts.number, parts.wire, parts.styled):
    register.filter(part.__name__, part)
