"""What workers do. Tasks carry a job's id; everything else is in Postgres. Each may run twice without harm."""

from django.utils import timezone

from connector.choices import System
from connector.models import Connection
from syncjobs.documents import reading
from syncjobs.documents import watching as documents_watching
from syncjobs.engine import run
from syncjobs.services import ending, forgetting, retention, suggesting, watching
from syncjobs.webhooks import tasks as announcements


def run_job(job_id: int) -> None:
    """Starts or resumes a job and works on it until nothing is left for this worker."""
    if run.run_job(job_id):
        ending.job_ended(job_id)


def work_on_job(job_id: int) -> None:
    """Helps a job that is running."""
    if run.work_on_job(job_id):
        ending.job_ended(job_id)


def refresh_suggestions(mapping_id: int) -> None:
    """Compares again what changed under a mapping, so that its suggestions are up to date."""
    suggesting.refresh(mapping_id, now=timezone.now())


def read_sales_documents(connection_id: int) -> None:
    """Reads orders and quotes for the pages."""
    reading.read_all(Connection.objects.get(pk=connection_id))


def forget_old_jobs() -> None:
    """Deletes the jobs that no connection keeps any longer."""
    retention.forget_old_jobs()


def forget_changes(connection_id: int) -> None:
    """Leaves out what changed while the connection was off."""
    forgetting.forget_changes(connection_id)


def look_for_documents(connection_id: int) -> None:
    """Starts the processes whose documents wait in Sales."""
    documents_watching.look(connection_id=connection_id)


def look_for_changes(connection_id: int) -> None:
    """Reads what changed between the runs of the schedules, and runs what it concerns."""
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        return
    watching.look_for_changes(connection_id=connection_id, announced=announcements.is_announced(connection))
    announcements.start_runs(connection)


def read_table(connection_id: int, system: str, table: str) -> None:
    """Reads the changes of one table into the mirror."""
    watching.read_table(connection_id=connection_id, system=System(system), table=table)
