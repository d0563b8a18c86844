"""The hub as a whole: version, connections, who works, what waits. Answers also when nothing is connected."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.rest import VERSION
from connector.models import Connection
from syncjobs.api.serializers import StatusSerializer
from syncjobs.models import WorkerHeartbeat
from syncjobs.services.workers import queue_lengths


class Status(APIView):
    @extend_schema(summary="Version, connections, workers, queues", responses=StatusSerializer)
    def get(self, request: Request, **kwargs: Any) -> Response:
        connections = Connection.objects.values("slug", "name", "enabled", "state", "disabled_reason")
        workers = WorkerHeartbeat.objects.order_by("kind", "name").values("name", "kind", "at")
        return Response(
            {
                "version": VERSION,
                "connections": list(connections),
                "workers": [{"name": row["name"], "kind": row["kind"], "heartbeat_at": row["at"]} for row in workers],
                "queues": queue_lengths(),
            }
        )
