"""A transformation rule of one's own in a run."""

from coupling.models import FieldMapping, TransformationRule


def use_rule(hub, attribute, kind, **parameters):
    TransformationRule.objects.create(connection=hub.connection, code="OWN", kind=kind, parameters=parameters)
    FieldMapping.objects.filter(mapping=hub.mapping("CUSTOMER"), sales_attribute=attribute).update(transformation="OWN")


def test_a_rule_changes_the_value_on_its_way_and_the_next_run_is_quiet(hub):
    use_rule(hub, "name", "uppercase")
    customer = hub.bc.create("customers", displayName="Contoso Ltd.")
    assert hub.run_full("CUSTOMER").inserted == 1
    coupling = hub.coupling("CUSTOMER", bc_key=customer)
    assert hub.sales.row("accounts", coupling.sales_key, "name") == {"name": "CONTOSO LTD."}
    again = hub.run_full("CUSTOMER")
    assert (again.modified, again.failed, again.unchanged) == (0, 0, 1)
    assert hub.bc.row("customers", customer, "displayName") == {"displayName": "Contoso Ltd."}


def test_a_value_that_the_rule_cannot_take_fails_its_record_alone(hub):
    use_rule(hub, "address1_city", "date_format", format="%Y")
    hub.bc.create("customers", displayName="Good")
    hub.bc.create("customers", displayName="Bad", city="Aarhus")
    job = hub.run_full("CUSTOMER")
    assert (job.inserted, job.failed) == (1, 1)
    [failed] = job.operations.filter(state="failed")
    assert (failed.error_code, failed.error_message) == ("engine.rule", "“Aarhus” is no date.")
