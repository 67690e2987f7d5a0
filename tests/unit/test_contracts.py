"""Contracts and installations: what is read from YAML, and what a mistake in it says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from fupan.contracts import contract
from fupan.contracts.contract import Contract, SchemaContract, contracts
from fupan.contracts.installation import effective, systems
from fupan.errors import ConfigurationError

SOURCES = """
sources:
  - name: erp
    schema: raw
    config: {{meta: {{owner: somebody}}}}
    tables:
      - name: erp_things
        description: "Things 东西"
        config: {{meta: {{primary_key: [thing_id], cursor: [{cursor}], lookback: {lookback}}}}}
        columns:
          - {{name: thing_id, data_type: text, description: "Thing"}}
          - {{name: size, data_type: "{data_type}", description: "Size", config: {{meta: {{required: true}}}}}}
"""


def written(folder: Path, *, cursor: str = "", lookback: str = "2 days", data_type: str = "numeric(10,2)") -> Path:
    (folder / "erp").mkdir()
    text = SOURCES.format(cursor=cursor, lookback=lookback, data_type=data_type)
    (folder / "erp" / "_erp__sources.yml").write_text(text)
    return folder


def test_a_contract_is_read_with_the_defaults_of_its_system(tmp_path: Path) -> None:
    thing = contracts("erp", folder=written(tmp_path, lookback="6 hours"))["erp_things"]
    assert thing.owner == "somebody"
    assert thing.lookback == timedelta(hours=6)
    assert thing.required == ("thing_id", "size")
    assert thing.relation == 'raw."erp_things"'


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        ({"cursor": "changed_at"}, "column changed_at is used but not among the columns of erp_things"),
        ({"lookback": "a while"}, "is not a duration like '2 days'"),
        ({"data_type": "varchar(10)"}, "data_type 'varchar(10)' of column size is none that a contract may use"),
    ],
)
def test_a_mistake_names_system_table_and_file(tmp_path: Path, mistake: dict[str, str], says: str) -> None:
    folder = written(tmp_path, **mistake)
    with pytest.raises(ConfigurationError) as error:
        contracts("erp", folder=folder)
    message = str(error.value)
    assert says in message
    assert "system=erp table=erp_things" in message
    assert "_erp__sources.yml" in message


def test_personal_data_must_be_text() -> None:
    column = {"name": "phone", "data_type": "bigint", "description": "", "personal_data": "phone"}
    with pytest.raises(ValueError, match="must be text"):
        Contract(
            system="erp",
            name="t",
            description="",
            owner="o",
            primary_key=("phone",),
            columns=[column],  # type: ignore[arg-type]
        )


def installation(folder: Path, table: str = "erp_channels", entry: str = "relation: erp.channels") -> Path:
    (folder / "erp.yml").write_text(
        f"system: erp\nkind: sql\nconnection: fupan_erp\ntime_zone: Asia/Shanghai\ntables:\n  {table}: {{{entry}}}\n"
    )
    return folder


def test_an_installation_overrides_the_contract(tmp_path: Path) -> None:
    folder = installation(tmp_path, "erp_products", "relation: erp.products, cursor: [], reconcile: nightly")
    found = effective(systems(folder)["erp"], "erp_products")
    assert (found.cursor, found.reconcile) == ((), "nightly")
    assert contracts("erp")["erp_products"].cursor == ("updated_at",)


def test_an_installation_may_lack_columns(tmp_path: Path) -> None:
    folder = installation(tmp_path, "erp_products", "relation: erp.products, absent: [series, updated_at]")
    found = effective(systems(folder)["erp"], "erp_products")
    assert not {"series", "updated_at"} & {column.name for column in found.columns}
    assert {column.name for column in found.absent} == {"series", "updated_at"}
    assert found.cursor == ()


@pytest.mark.parametrize(("column", "why"), [("sku", "needed"), ("colour", "not part of the contract")])
def test_what_is_needed_is_never_absent(tmp_path: Path, column: str, why: str) -> None:
    folder = installation(tmp_path, "erp_products", f"relation: erp.products, absent: [{column}]")
    with pytest.raises(ConfigurationError, match=why) as error:
        effective(systems(folder)["erp"], "erp_products")
    assert column in str(error.value)


@pytest.mark.parametrize(
    ("table", "entry", "says"),
    [
        ("erp_channel", "relation: erp.channels", "No contract names this table"),
        ("erp_channels", "cursor: []", "a table needs either relation or query"),
        ("erp_channels", "relation: a, watermark: b", "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_installation_says_which_file_to_correct(tmp_path: Path, table: str, entry: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as error:
        systems(installation(tmp_path, table, entry))
    assert "erp.yml" in str(error.value)


def test_an_empty_folder_is_no_installation(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="FUPAN_SOURCES"):
        systems(tmp_path)


def test_a_schema_contract_has_the_modes_of_dlt(tmp_path: Path) -> None:
    folder = written(tmp_path)
    path = folder / "erp" / "_erp__sources.yml"
    good = path.read_text()
    for modes, says in [
        ("{columns: evolve, data_type: freeze}", None),
        ("{columns: discard_row}", "schema_contract.columns"),
        ("{data_type: evolve}", "schema_contract.data_type"),
        ("{tables: freeze}", "schema_contract.tables"),
    ]:
        path.write_text(good.replace("lookback: 2 days", f"lookback: 2 days, schema_contract: {modes}"))
        contract._load.cache_clear()
        if says is None:
            (found,) = contracts("erp", folder=folder).values()
            assert found.schema_contract == SchemaContract(columns="evolve", data_type="freeze")
        else:
            with pytest.raises(ConfigurationError, match=says):
                contracts("erp", folder=folder)
