"""The steps of assisted setup in their order, with what the page says beside each."""

from dataclasses import dataclass

from connector.wizard import forms, system_forms
from connector.wizard.step_form import StepForm


@dataclass(frozen=True, slots=True)
class Step:
    """`checked`: Next waits for the step's checks. `click_path`: where the values are found, click by click."""

    slug: str
    title: str
    form: type[StepForm]
    lead: str
    checked: bool = False
    click_path: tuple[str, ...] = ()


STEPS = (
    Step(
        "welcome",
        "Welcome",
        forms.WelcomeForm,
        "One Business Central company and one Dynamics 365 Sales environment are connected. Nothing is switched on "
        "before the last step, and every step can be left and taken up again.",
        click_path=(
            "An app registration in Microsoft Entra ID: somebody who may register applications makes it, and a "
            "Privileged Role Administrator approves its permission.",
            "An application user in Sales: a System Administrator of the environment adds it in the Power Platform "
            "admin center.",
            "A card on Microsoft Entra Applications in Business Central: its administrator makes and approves it.",
            "Whoever is responsible for the data agrees that it travels.",
        ),
    ),
    Step(
        "identity",
        "Identity",
        system_forms.IdentityForm,
        "The hub signs in to both systems as an application that is registered in your Entra tenant.",
        checked=True,
        click_path=(
            "Open entra.microsoft.com > App registrations > New registration: any name, this directory only.",
            "On its Overview copy Application (client) ID and Directory (tenant) ID.",
            "API permissions > Add a permission > Dynamics 365 Business Central > Application permissions > "
            "API.ReadWrite.All > Add, then Grant admin consent.",
            "Certificates & secrets > New client secret > Add, and copy its Value at once; or Certificates > Upload "
            "certificate with the file that the hub made.",
        ),
    ),
    Step(
        "sales",
        "Dynamics 365 Sales",
        system_forms.SalesForm,
        "The environment that Sales runs in, and the application user that the hub works as.",
        checked=True,
        click_path=(
            "Open admin.powerplatform.microsoft.com > Environments > the environment; copy the Environment URL.",
            "Settings > Users + permissions > Application users > New app user > Add an app: choose the registration.",
            "Choose the business unit, then Edit security roles: a role that may read and write the tables that are "
            "to be synchronised. Not System Administrator.",
        ),
    ),
    Step(
        "business-central",
        "Business Central",
        system_forms.BusinessCentralForm,
        "The environment and the company, and the card that lets the hub's application in.",
        checked=True,
        click_path=(
            "In Business Central search for Microsoft Entra Applications and choose New.",
            "Enter the Client ID, a description, and set State to Enabled.",
            "Under User Permission Sets add D365 BASIC, D365 SALES DOC, EDIT and D365 CUSTOMER, EDIT for the company "
            "(SUPER cannot be given to an application).",
            "Choose Grant Consent and sign in as an administrator.",
        ),
    ),
    Step(
        "compatibility",
        "Compatibility",
        forms.CompatibilityForm,
        "Whether the two belong together: currencies, clocks, another integration, and how many records there are.",
        checked=True,
        click_path=(
            "Currency missing in Sales: Power Platform admin center > the environment > Settings > Currencies.",
            "Exchange rate missing: Business Central > Currencies > Exchange Rates.",
            "Another integration: Business Central > Microsoft Dynamics 365 Connection Setup > switch Enabled off.",
        ),
    ),
    Step(
        "subjects",
        "What to synchronise",
        forms.SubjectsForm,
        "Each mapping pairs one table of Business Central with one of Sales. All of it can be changed later.",
        click_path=(
            "Leave everything as proposed if unsure: nothing is created for records that are not coupled, unless you "
            "start a full synchronisation.",
        ),
    ),
    Step(
        "people",
        "Ownership and people",
        forms.OwnershipForm,
        "Who owns the rows that the hub makes in Sales.",
        click_path=(
            "Team: rows belong to the team of the hub's business unit; everybody in it sees them.",
            "Person: salespeople of Business Central are coupled with Sales users, and rows belong to their user.",
        ),
    ),
    Step(
        "first",
        "First synchronisation",
        forms.FirstForm,
        "What a first synchronisation should do with each mapping, judged by what both sides hold.",
        click_path=("Nothing is written before you have seen the plan on Full Synch Review and started it there.",),
    ),
    Step("summary", "Summary", forms.SummaryForm, "Everything that was chosen, and what Finish will do."),
)

BY_SLUG = {step.slug: step for step in STEPS}
CHECKED = tuple(step.slug for step in STEPS if step.checked)


def before(slug: str) -> Step | None:
    position = STEPS.index(BY_SLUG[slug])
    return STEPS[position - 1] if position else None


def after(slug: str) -> Step | None:
    position = STEPS.index(BY_SLUG[slug])
    return STEPS[position + 1] if position + 1 < len(STEPS) else None
