"""The files in which the service desk hands over what has changed on a day, each in the shape that its program writes.

Same rows, same bytes: what is exported again is the same file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import xlsxwriter

from fupan.demo.company import ZONE
from fupan.demo.relations import RELATIONS, Connection, execute, select
from fupan.demo.story import midnight

#: Columns of the complaints' and the repairs' export, as the desk's program heads them, in the order of the relation.
COMPLAINT_HEADER = (
    "投诉单号", "客户编号", "联系人", "联系电话", "订单号", "产品编码", "序列号", "区域编码", "投诉类型", "根本原因",
    "紧急程度", "涉及安全", "索赔金额", "币种", "受理渠道", "投诉内容", "受理时间", "首次响应时间", "核实时间", "定责时间",
    "责任部门", "方案时间", "结案时间", "升级级别", "升级时间", "延迟原因", "是否重开", "回访时间", "回访评分", "更新时间",
)  # fmt: skip
REPAIR_HEADER = (
    "工单号", "客户编号", "订单号", "产品编码", "序列号", "故障代码", "原因分类", "兼容性问题", "远程诊断", "远程解决",
    "报修时间", "首次响应时间", "到场时间", "完工时间", "工时分钟", "更新时间",
)  # fmt: skip

Rows = Sequence[Sequence[Any]]


def export(connection: Connection, day: date, *, since: date | None) -> None:
    """Keep the files of ``day`` in demo.exports: the rows that changed last from ``since`` (None: ever) to its end."""
    low, high = midnight(since) if since else "-infinity", midnight(day + timedelta(days=1))
    for relation, (cursor, name, write) in _FILES.items():
        changed = select(connection, relation, f"{cursor} >= %s and {cursor} < %s", low, high)
        execute(
            connection,
            "insert into demo.exports (file_name, content) values (%s, %s)",
            [name.format(day), write(changed)],
        )


def workbook(rows: Rows) -> bytes:
    """XLSX: a Chinese header, dates and numbers as Excel's own, 是 and 否."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        # Else the file says when it was written, and the same rows would make another one.
        book.set_properties({"created": datetime(2020, 1, 1)})
        sheet = book.add_worksheet("投诉单")
        sheet.write_row(0, 0, COMPLAINT_HEADER)
        for number, row in enumerate(rows, 1):
            sheet.write_row(number, 0, [_cell(value) for value in row])
    return content.getvalue()


def chinese_csv(rows: Rows) -> bytes:
    """CSV in GB18030: a Chinese header, `2026/1/30 9:05`, 是 and 否."""
    return _csv(REPAIR_HEADER, rows, _chinese, "gb18030")


def shop_csv(rows: Rows) -> bytes:
    """CSV in UTF-8 with a byte-order mark: `2026-01-30 09:05:12`, true and false."""
    return _csv(
        RELATIONS["service_desk.chats"]._fields, rows, lambda value: _plain(value, " ", zone=False), "utf-8-sig"
    )


def survey_csv(rows: Rows) -> bytes:
    """CSV in UTF-8: `2026-01-30T09:05:12+08:00`, true and false."""
    return _csv(
        RELATIONS["service_desk.survey_answers"]._fields, rows, lambda value: _plain(value, "T", zone=True), "utf-8"
    )


#: Relation -> the stamp by which its rows count as changed, the file of a day, its shape.
_FILES: dict[str, tuple[str, str, Callable[[Rows], bytes]]] = {
    "service_desk.complaints": ("updated_at", "complaints_{}.xlsx", workbook),
    "service_desk.repairs": ("updated_at", "repairs_{}.csv", chinese_csv),
    "service_desk.chats": ("ended_at", "chats_{}.csv", shop_csv),
    "service_desk.survey_answers": ("updated_at", "survey_{}.csv", survey_csv),
}
FILE_PATTERNS = tuple(name.format("*") for _, name, _ in _FILES.values())


def _csv(header: Sequence[str], rows: Rows, written: Callable[[Any], str], encoding: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([written(value) for value in row] for row in rows)
    return text.getvalue().encode(encoding)


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return "是" if value else "否"
        case Decimal():
            return float(value)
        case datetime():
            return value.astimezone(ZONE).replace(tzinfo=None)
    return value


def _chinese(value: Any) -> str:
    if isinstance(value, datetime):
        local = value.astimezone(ZONE)
        return f"{local.year}/{local.month}/{local.day} {local.hour}:{local.minute:02d}"
    return "" if value is None else str(_cell(value))


def _plain(value: Any, between: str, *, zone: bool) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            local = value.astimezone(ZONE)
            return (local if zone else local.replace(tzinfo=None)).isoformat(between, "seconds")
    return str(value)
