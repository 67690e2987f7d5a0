"""Reviews by HTTP for the benchmarks, in a process of its own: every object is rendered before the first request comes.

    python -m tests.bench.review_server ROWS

prints its port. `GET /<milliseconds>/v1/reviews?limit=…` with `offset`, `page` or `cursor`, and with `since` and `until` (by
day), answers after so many milliseconds.
"""

from __future__ import annotations

import bisect
import json
import socket
import sys
import threading
import time
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2023, 1, 1, tzinfo=ZONE)
DAYS = 1095
_TEXTS = (
    "灯光柔和不刺眼，客厅装上以后亮堂多了，安装师傅很专业，包装也严实，家里老人都说好看。",
    "Brighter than the old one, easy to mount; the remote works from across the room. 性价比很高，会再买。",
    "用了一个月开始频闪，联系客服换了一个新的，处理得还算快，希望这次能用久一点。色温和图片有一点差别。",
    None,
)


def rendered(rows: int) -> tuple[list[bytes], list[datetime]]:
    """The objects as JSON, and their `updated_at`, in whose order they stand."""
    objects, stamps = list[bytes](), list[datetime]()
    step = timedelta(days=DAYS) / rows
    for n in range(rows):
        stamp = (FIRST + n * step).replace(microsecond=0)
        posted = stamp - timedelta(hours=n % 50)
        row = {
            "review_id": f"RV{n * 7919 % 100_000_007:09d}",
            "order_id": f"SO{20_000_000 + n // 2}",
            "line_no": 1 + n % 3,
            "user_id": f"U{n * 31 % 900_001:07d}",
            "sku": f"LT-{n % 480:04d}",
            "title": f"北欧吸顶灯 客厅主灯 {n % 480} 号 全光谱护眼",
            "brand": ("明澜", "Lumina", "朗曜")[n % 3],
            "platform": ("tmall", "jd", "douyin")[n % 3],
            "rating": 1 + n % 5,
            "text": _TEXTS[n % 4],
            "is_default": n % 4 == 3,
            "posted_at": posted.isoformat(),
            "updated_at": stamp.isoformat(),
        }
        objects.append(json.dumps(row, ensure_ascii=False).encode())
        stamps.append(stamp)
    return objects, stamps


class Server:
    """One thread a connection."""

    def __init__(self, rows: int) -> None:
        self._objects, self._stamps = rendered(rows)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]

    def serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as requests:
            while line := requests.readline():
                while requests.readline() not in (b"\r\n", b""):
                    pass
                wait, body = self._answer(line.split()[1].decode())
                time.sleep(wait)
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                connection.sendall(head + body)

    def _answer(self, target: str) -> tuple[float, bytes]:
        parts = urlsplit(target)
        told = {name: values[0] for name, values in parse_qs(parts.query).items()}
        low = self._place(told["since"]) if "since" in told else 0
        high = self._place(told["until"]) if "until" in told else len(self._objects)
        size = int(told["limit"])
        begin = low + int(told.get("cursor") or told.get("offset") or (int(told.get("page", "1")) - 1) * size)
        end = min(begin + size, high)
        following = f'"{end - low}"' if end < high else "null"
        body = b'{"data": [%s], "next": %s}' % (b", ".join(self._objects[begin:end]), following.encode())
        return int(parts.path.split("/")[1]) / 1000, body

    def _place(self, day: str) -> int:
        stamp = datetime.fromisoformat(day)
        return bisect.bisect_left(self._stamps, stamp if stamp.tzinfo else stamp.replace(tzinfo=ZONE))


if __name__ == "__main__":
    server = Server(int(sys.argv[1]))
    print(server.port, flush=True)
    server.serve()
