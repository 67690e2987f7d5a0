"""The files in which the service desk hands over what has changed on a day, each in the shape that its program writes.

Same rows, same bytes: what is exported again is the same file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import xlsxwriter

from fupan.contracts.contract import contracts
from fupan.demo.process import CHANGED_ON
from fupan.demo.world import World

#: Columns of the complaints' and the repairs' export by those of the contract, as the desk's program heads them.
COMPLAINTS = {
    "complaint_id": "投诉单号", "customer_id": "客户编号", "contact_name": "联系人", "contact_phone": "联系电话",
    "order_id": "订单号", "sku": "产品编码", "serial_no": "序列号", "campaign_id": "活动编号", "region_code": "区域编码",
    "complaint_type": "投诉类型", "root_cause": "根本原因", "urgency": "紧急程度", "is_safety": "涉及安全",
    "claim_amount": "索赔金额", "currency": "币种", "source_channel": "受理渠道", "complaint_text": "投诉内容",
    "created_at": "受理时间", "first_response_at": "首次响应时间", "verified_at": "核实时间", "liability_at": "定责时间",
    "liable_dept": "责任部门", "solution_at": "方案时间", "closed_at": "结案时间", "escalation_level": "升级级别",
    "escalated_at": "升级时间", "delay_cause": "延迟原因", "reopened_flag": "是否重开", "followup_at": "回访时间",
    "followup_score": "回访评分", "updated_at": "更新时间",
}  # fmt: skip
REPAIRS = {
    "ticket_id": "工单号", "customer_id": "客户编号", "order_id": "订单号", "sku": "产品编码", "serial_no": "序列号",
    "fault_code": "故障代码", "cause_class": "原因分类", "is_compat_issue": "兼容性问题", "is_remote": "远程诊断",
    "resolved_remotely": "远程解决", "opened_at": "报修时间", "first_response_at": "首次响应时间", "arrived_at": "到场时间",
    "closed_at": "完工时间", "work_minutes": "工时分钟", "updated_at": "更新时间",
}  # fmt: skip
COMPLAINT_HEADER, REPAIR_HEADER = tuple(COMPLAINTS.values()), tuple(REPAIRS.values())
_YES, _NO = "是", "否"


def files(world: World, frames: Mapping[str, pl.DataFrame], day: date, *, first: bool) -> list[tuple[str, bytes]]:
    """Name and content of the files of ``day``, one a table of the desk.

    ``frames``: rows of the desk's tables by the name of their contracts; of these, the files hold what changed on the day, and
    the ``first`` ones all that has changed until its end. What has no rows makes a file with a header alone.
    """
    found = []
    for table, export in _EXPORTS.items():
        contract = contracts()[table]
        rows = frames.get(table)
        if rows is None:
            rows = pl.DataFrame(schema={**{column.name: pl.String for column in contract.columns}, CHANGED_ON: pl.Date})
        changed = pl.col(CHANGED_ON) <= day if first else pl.col(CHANGED_ON) == day
        written = rows.filter(changed).sort(contract.primary_key).select(column.name for column in contract.columns)
        found.append((export.file_name.format(day), export.write(written)))
    return found


def workbook(rows: pl.DataFrame) -> bytes:
    """XLSX: a Chinese header, dates and numbers as Excel's own, 是 and 否."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        # Else the file says when it was written, and the same rows would make another one.
        book.set_properties({"created": datetime(2020, 1, 1)})
        sheet = book.add_worksheet("投诉单")
        sheet.write_row(0, 0, COMPLAINT_HEADER)
        for number, row in enumerate(rows.select(list(COMPLAINTS)).with_columns(_chinese_flags(rows)).iter_rows(), 1):
            sheet.write_row(number, 0, row)
    return content.getvalue()


def chinese_csv(rows: pl.DataFrame) -> bytes:
    """CSV in GB18030: a Chinese header, `2026/1/30 9:05`, 是 and 否."""
    shaped = rows.with_columns(*_chinese_flags(rows), *_stamps(rows, "%Y/%-m/%-d %-H:%M"))
    return _csv(shaped.select(pl.col(name).alias(header) for name, header in REPAIRS.items())).encode("gb18030")


def shop_csv(rows: pl.DataFrame) -> bytes:
    """CSV in UTF-8 with a byte-order mark: `2026-01-30 09:05:12`, true and false."""
    return _csv(rows.with_columns(*_stamps(rows, "%Y-%m-%d %H:%M:%S"))).encode("utf-8-sig")


def plain_csv(rows: pl.DataFrame) -> bytes:
    """CSV in UTF-8: `2026-01-30T09:05:12+08:00`, true and false."""
    return _csv(rows.with_columns(*_stamps(rows, "%Y-%m-%dT%H:%M:%S+08:00"))).encode()


@dataclass(frozen=True)
class _Export:
    """The file of a day, and who writes it."""

    file_name: str
    write: Callable[[pl.DataFrame], bytes]


_EXPORTS = {
    "cs_complaints": _Export("complaints_{}.xlsx", workbook),
    "cs_repairs": _Export("repairs_{}.csv", chinese_csv),
    "cs_chats": _Export("chats_{}.csv", shop_csv),
    "cs_crisis_events": _Export("crises_{}.csv", plain_csv),
    "srv_surveys": _Export("waves_{}.csv", plain_csv),
    "srv_responses": _Export("survey_{}.csv", plain_csv),
    "srv_conjoint_choices": _Export("conjoint_{}.csv", plain_csv),
}
FILE_PATTERNS = tuple(export.file_name.format("*") for export in _EXPORTS.values())


def _chinese_flags(rows: pl.DataFrame) -> list[pl.Expr]:
    flags = [name for name, kind in rows.schema.items() if kind == pl.Boolean]
    return [
        pl.when(pl.col(name)).then(pl.lit(_YES)).when(~pl.col(name)).then(pl.lit(_NO)).alias(name) for name in flags
    ]


def _stamps(rows: pl.DataFrame, shape: str) -> list[pl.Expr]:
    return [pl.col(name).dt.strftime(shape) for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)]


def _csv(rows: pl.DataFrame) -> str:
    return rows.write_csv(line_terminator="\r\n")
