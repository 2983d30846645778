"""`samples.tpch`: the tables of the TPC-H benchmark, with Databricks' column types.

Keys, dates, prices and states follow the rules of the specification (which supplier has which part,
what an order costs, which lines are open), so that its queries answer. A hundredth of its scale
factor 1: 15,000 orders, where Databricks has millions. The words of comments are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.sample_data.draws import Draws, joined, money, padded, remainder

if TYPE_CHECKING:
    import pyarrow

SUPPLIERS, PARTS, CUSTOMERS, ORDERS = 100, 2_000, 1_500, 15_000
REGIONS: Final = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
NATIONS: Final = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0),
    ("FRANCE", 3), ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4),
    ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1),
    ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3),
    ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
SEGMENTS: Final = ("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY")
PRIORITIES: Final = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
INSTRUCTIONS: Final = ("COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN")
MODES: Final = ("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")
SIZES: Final = ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO")
FINISHES: Final = ("ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED")
METALS: Final = ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER")
BOXES: Final = ("SM", "LG", "MED", "JUMBO", "WRAP")
KINDS: Final = ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM")
COLORS: Final = (
    "almond", "azure", "beige", "blue", "chocolate", "coral", "cream", "forest", "green", "ivory",
    "khaki", "lavender", "lime", "maroon", "navy", "olive", "orange", "pink", "plum", "red",
    "rose", "salmon", "sienna", "silver", "tan", "tomato", "violet", "wheat", "white", "yellow",
)  # fmt: skip
REMARKS: Final = (
    "handled with care", "left at the door", "checked twice", "as agreed by phone", "second try",
    "packed for the sea", "no hurry", "keeps well", "asks for a receipt", "to be counted again",
    "special requests noted", "quiet customer", "complaints answered", "arrived early",
)  # fmt: skip
EPOCH: Final = date(1970, 1, 1)
FIRST: Final = (date(1992, 1, 1) - EPOCH).days
LAST: Final = (date(1998, 8, 2) - EPOCH).days
NOW: Final = (date(1995, 6, 17) - EPOCH).days  # of the benchmark


def region() -> pyarrow.Table:
    import pyarrow as pa

    count = len(REGIONS)
    return pa.table(
        {
            "r_regionkey": pa.array(range(count), pa.int64()),
            "r_name": pa.array(REGIONS),
            "r_comment": Draws(1).words(count, REMARKS),
        }
    )


def nation() -> pyarrow.Table:
    import pyarrow as pa

    return pa.table(
        {
            "n_nationkey": pa.array(range(len(NATIONS)), pa.int64()),
            "n_name": pa.array([name for name, _ in NATIONS]),
            "n_regionkey": pa.array([at for _, at in NATIONS], pa.int64()),
            "n_comment": Draws(2).words(len(NATIONS), REMARKS),
        }
    )


def supplier() -> pyarrow.Table:
    import pyarrow as pa

    draws, keys = Draws(3), _keys(SUPPLIERS)
    at = draws.numbers(SUPPLIERS, 0, len(NATIONS) - 1)
    return pa.table(
        {
            "s_suppkey": keys,
            "s_name": joined("Supplier#", padded(keys, 9)),
            "s_address": _address(draws, SUPPLIERS),
            "s_nationkey": at,
            "s_phone": _phone(draws, at),
            "s_acctbal": money(draws.numbers(SUPPLIERS, -99_999, 999_999)),
            "s_comment": draws.words(SUPPLIERS, REMARKS),
        }
    )


def customer() -> pyarrow.Table:
    import pyarrow as pa

    draws, keys = Draws(4), _keys(CUSTOMERS)
    at = draws.numbers(CUSTOMERS, 0, len(NATIONS) - 1)
    return pa.table(
        {
            "c_custkey": keys,
            "c_name": joined("Customer#", padded(keys, 9)),
            "c_address": _address(draws, CUSTOMERS),
            "c_nationkey": at,
            "c_phone": _phone(draws, at),
            "c_acctbal": money(draws.numbers(CUSTOMERS, -99_999, 999_999)),
            "c_mktsegment": draws.words(CUSTOMERS, SEGMENTS),
            "c_comment": draws.words(CUSTOMERS, REMARKS),
        }
    )


def part() -> pyarrow.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    draws, keys, n = Draws(5), _keys(PARTS), PARTS
    maker = draws.numbers(n, 1, 5)
    kind = (draws.words(n, SIZES), " ", draws.words(n, FINISHES), " ", draws.words(n, METALS))
    colors = (draws.words(n, COLORS), " ", draws.words(n, COLORS), " ", draws.words(n, COLORS))
    return pa.table(
        {
            "p_partkey": keys,
            "p_name": joined(*colors),
            "p_mfgr": joined("Manufacturer#", maker),
            "p_brand": joined("Brand#", maker, draws.numbers(n, 1, 5)),
            "p_type": joined(*kind),
            "p_size": pc.cast(draws.numbers(n, 1, 50), pa.int32()),
            "p_container": joined(draws.words(n, BOXES), " ", draws.words(n, KINDS)),
            "p_retailprice": money(_price(keys)),
            "p_comment": draws.words(n, REMARKS),
        }
    )


def partsupp() -> pyarrow.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    draws, count = Draws(6), 4 * PARTS
    each = pa.array(range(count), pa.int64())
    keys = pc.add(pc.divide(each, 4), 1)
    return pa.table(
        {
            "ps_partkey": keys,
            "ps_suppkey": _supplier_of(keys, remainder(each, 4)),
            "ps_availqty": pc.cast(draws.numbers(count, 1, 9_999), pa.int32()),
            "ps_supplycost": money(draws.numbers(count, 100, 100_000)),
            "ps_comment": draws.words(count, REMARKS),
        }
    )


def orders() -> pyarrow.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    draws, lines = Draws(7), _lines()
    totals, opened = [0] * ORDERS, [0] * ORDERS
    for at, price, is_open in zip(
        lines["order"].to_pylist(), lines["charge"].to_pylist(), lines["open"].to_pylist(),
        strict=True,
    ):  # fmt: skip
        totals[at] += price
        opened[at] += is_open
    states = [
        "F" if not some else "O" if some == all_ else "P"
        for some, all_ in zip(opened, _line_counts(), strict=True)
    ]
    customers = draws.numbers(ORDERS, 1, CUSTOMERS)  # a third of them never orders
    is_third = pc.equal(remainder(customers, 3), 0)
    return pa.table(
        {
            "o_orderkey": _order_key(pa.array(range(ORDERS), pa.int64())),
            "o_custkey": pc.if_else(is_third, pc.subtract(customers, 1), customers),
            "o_orderstatus": pa.array(states),
            "o_totalprice": money(pa.array(totals, pa.int64())),
            "o_orderdate": _date(_order_days()),
            "o_orderpriority": draws.words(ORDERS, PRIORITIES),
            "o_clerk": joined("Clerk#", padded(draws.numbers(ORDERS, 1, 10), 9)),
            "o_shippriority": pa.array([0] * ORDERS, pa.int32()),
            "o_comment": draws.words(ORDERS, REMARKS),
        }
    )


def lineitem() -> pyarrow.Table:
    import pyarrow as pa

    lines = _lines()
    shown = {name: one for name, one in lines.items() if name.startswith("l_")}
    return pa.table(shown)


def _lines() -> Mapping[str, Any]:
    """The columns of `lineitem`, with what orders are made of: `order`, `charge`, `open`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    draws = Draws(8)
    counts = _line_counts()
    order = pa.array([at for at, n in enumerate(counts) for _ in range(n)], pa.int64())
    n = len(order)
    part_key = draws.numbers(n, 1, PARTS)
    quantity, discount, tax = (draws.numbers(n, *of) for of in ((1, 50), (0, 10), (0, 8)))
    price = pc.multiply(quantity, _price(part_key))
    ordered = _order_days().take(order)
    shipped = pc.add(ordered, draws.numbers(n, 1, 121))
    received = pc.add(shipped, draws.numbers(n, 1, 30))
    returned = draws.words(n, ("R", "A"))
    is_open = pc.greater(shipped, NOW)
    charge = pc.multiply(pc.multiply(price, pc.subtract(100, discount)), pc.add(tax, 100))
    return {
        "l_orderkey": _order_key(order),
        "l_partkey": part_key,
        "l_suppkey": _supplier_of(part_key, draws.numbers(n, 0, 3)),
        "l_linenumber": pa.array([at + 1 for n_ in counts for at in range(n_)], pa.int32()),
        "l_quantity": money(pc.multiply(quantity, 100)),
        "l_extendedprice": money(price),
        "l_discount": money(discount),
        "l_tax": money(tax),
        "l_returnflag": pc.if_else(pc.less_equal(received, NOW), returned, "N"),
        "l_linestatus": pc.if_else(is_open, "O", "F"),
        "l_shipdate": _date(shipped),
        "l_commitdate": _date(pc.add(ordered, draws.numbers(n, 30, 90))),
        "l_receiptdate": _date(received),
        "l_shipinstruct": draws.words(n, INSTRUCTIONS),
        "l_shipmode": draws.words(n, MODES),
        "l_comment": draws.words(n, REMARKS),
        "order": order,
        "charge": pc.divide(charge, 10_000),
        "open": is_open,
    }


def _line_counts() -> list[int]:
    return list(Draws(9).numbers(ORDERS, 1, 7).to_pylist())


def _order_days() -> Any:
    return Draws(10).numbers(ORDERS, FIRST, LAST)


def _keys(count: int) -> Any:
    import pyarrow as pa

    return pa.array(range(1, count + 1), pa.int64())


def _order_key(at: Any) -> Any:
    """Eight of every 32 numbers."""
    import pyarrow.compute as pc

    return pc.add(pc.add(pc.multiply(pc.divide(at, 8), 32), remainder(at, 8)), 1)


def _supplier_of(part_key: Any, which: Any) -> Any:
    """One of the four suppliers of a part."""
    import pyarrow.compute as pc

    step = pc.add(SUPPLIERS // 4, pc.divide(pc.subtract(part_key, 1), SUPPLIERS))
    return pc.add(remainder(pc.add(part_key, pc.multiply(which, step)), SUPPLIERS), 1)


def _price(part_key: Any) -> Any:
    """Of one piece, in cents."""
    import pyarrow.compute as pc

    tenth = remainder(pc.divide(part_key, 10), 20_001)
    return pc.add(pc.add(tenth, 90_000), pc.multiply(remainder(part_key, 1_000), 100))


def _phone(draws: Draws, at: Any) -> Any:
    import pyarrow.compute as pc

    n = len(at)
    parts = [draws.numbers(n, *of) for of in ((100, 999), (100, 999), (1_000, 9_999))]
    return joined(pc.add(at, 10), "-", parts[0], "-", parts[1], "-", parts[2])


def _address(draws: Draws, count: int) -> Any:
    return joined(draws.numbers(count, 1, 250), " ", draws.words(count, COLORS), " street")


def _date(days: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(pc.cast(days, pa.int32()), pa.date32())


TABLES: Final[Mapping[str, Callable[[], pyarrow.Table]]] = {
    "region": region,
    "nation": nation,
    "supplier": supplier,
    "customer": customer,
    "part": part,
    "partsupp": partsupp,
    "orders": orders,
    "lineitem": lineitem,
}
