"""Turns values of one system into values of the other, and tells whether two values mean the same.

`values` has the plain kinds, `references` those that stand for other records, `registry` picks the converter of a field
mapping by its transformation or by the kinds of its two properties.
"""

from syncjobs.engine.convert.registry import FieldContext, converter_for, transformation, transformation_names
from syncjobs.engine.convert.values import Converter

__all__ = ["Converter", "FieldContext", "converter_for", "transformation", "transformation_names"]
