"""`samples.bakehouse`: a franchise of bakeries, with Databricks' columns, keys and numbers of rows.

People, places, purchases and what is said of them are made up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow

CUSTOMERS, FRANCHISES, SUPPLIERS, SALES, REVIEWS, CHUNKS = 300, 48, 27, 3_333, 204, 196
FIRST_CUSTOMER, FIRST_FRANCHISE, FIRST_SUPPLIER, FIRST_SALE = (
    2_000_000,
    3_000_000,
    4_000_000,
    1_000_000,
)
BEGIN: Final = datetime(2024, 5, 1, tzinfo=UTC)
DAYS: Final = 17
PRODUCTS: Final = (
    "Golden Gate Ginger", "Outback Oatmeal", "Austin Almond Biscotti", "Tokyo Tidbits",
    "Pearly Pies", "Orchard Oasis",
)  # fmt: skip
PAYMENTS: Final = ("amex", "mastercard", "visa")
SIZES: Final = ("S", "M", "L", "XL", "XXL")
FIRST_NAMES: Final = (
    "Alex", "Amina", "Bruno", "Chloe", "Daniel", "Elena", "Farid", "Grace", "Hana", "Ivan",
    "Julia", "Kenji", "Lena", "Marco", "Nadia", "Oscar", "Priya", "Quinn", "Rosa", "Sam",
)  # fmt: skip
LAST_NAMES: Final = (
    "Adler", "Brooks", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hughes", "Ito", "Jensen",
    "Kaya", "Lopez", "Moreau", "Novak", "Olsen", "Park", "Quispe", "Rossi", "Silva", "Tanaka",
)  # fmt: skip
# city, state, country, continent, longitude, latitude
PLACES: Final = (
    ("San Francisco", "California", "US", "North America", -122.42, 37.77),
    ("Seattle", "Washington", "US", "North America", -122.33, 47.61),
    ("Austin", "Texas", "US", "North America", -97.74, 30.27),
    ("New York City", "New York", "US", "North America", -74.01, 40.71),
    ("Vancouver", "British Columbia", "Canada", "North America", -123.12, 49.28),
    ("Paris", "Ile-de-France", "France", "Europe", 2.35, 48.86),
    ("Amsterdam", "North Holland", "Netherlands", "Europe", 4.9, 52.37),
    ("Stockholm", "Stockholm", "Sweden", "Europe", 18.07, 59.33),
    ("Tokyo", "Tokyo", "Japan", "Asia", 139.69, 35.69),
    ("Osaka", "Osaka", "Japan", "Asia", 135.5, 34.69),
    ("Sydney", "New South Wales", "Australia", "Oceania", 151.21, -33.87),
    ("Melbourne", "Victoria", "Australia", "Oceania", 144.96, -37.81),
)  # fmt: skip
DISTRICTS: Final = ("Harbour", "Old Town", "Market", "Station", "University", "Garden")
NAMES: Final = (
    "Crumb", "Oven", "Cookie", "Sugar", "Ginger", "Butter", "Vanilla", "Maple", "Almond", "Cocoa",
)  # fmt: skip
KINDS: Final = ("Corner", "House", "Works", "Lane", "Nook", "Table")
INGREDIENTS: Final = (
    "cocoa", "vanilla", "almonds", "butter", "cane sugar", "ginger", "oats", "sea salt", "syrup",
)  # fmt: skip
PRAISE: Final = (
    "The {product} was fresh and still warm.",
    "Best {product} I have had in a long time.",
    "Friendly people behind the counter, and they remembered my order.",
    "We came back the next day for another box of {product}.",
)
BLAME: Final = (
    "My {product} was dry and had no taste.",
    "I waited for half an hour and nobody said why.",
    "The box was crushed when it was delivered.",
    "Two of the cookies were burnt, and I got no refund.",
)
PLAIN: Final = (
    "Prices are what one expects in this part of town.",
    "There are few seats, so take it with you.",
    "I went on a weekday and the shop was half empty.",
)


def sales_suppliers() -> pyarrow.Table:
    chance = random.Random(41)
    rows = []
    for at in range(SUPPLIERS):
        city, _, _, continent, east, north = chance.choice(PLACES)
        rows.append(
            (
                FIRST_SUPPLIER + at, f"{chance.choice(NAMES)} {chance.choice(KINDS)} Supply",
                INGREDIENTS[at % len(INGREDIENTS)], continent, city, chance.choice(DISTRICTS),
                chance.choice(SIZES), _near(chance, east), _near(chance, north),
                "Y" if chance.random() < 0.8 else "N",
            )
        )  # fmt: skip
    return _table(
        rows, supplierID="int64", name="string", ingredient="string", continent="string",
        city="string", district="string", size="string", longitude="float64", latitude="float64",
        approved="string",
    )  # fmt: skip


def sales_franchises() -> pyarrow.Table:
    chance = random.Random(42)
    rows = []
    for at in range(FRANCHISES):
        city, _, country, _, east, north = PLACES[at % len(PLACES)]
        rows.append(
            (
                FIRST_FRANCHISE + at, f"{NAMES[at % len(NAMES)]} {KINDS[at % len(KINDS)]} {at + 1}",
                city, chance.choice(DISTRICTS), str(chance.randrange(10_000, 99_999)), country,
                chance.choice(SIZES), _near(chance, east), _near(chance, north),
                FIRST_SUPPLIER + at % SUPPLIERS,
            )
        )  # fmt: skip
    return _table(
        rows, franchiseID="int64", name="string", city="string", district="string",
        zipcode="string", country="string", size="string", longitude="float64",
        latitude="float64", supplierID="int64",
    )  # fmt: skip


def sales_customers() -> pyarrow.Table:
    chance = random.Random(43)
    rows = []
    for at in range(CUSTOMERS):
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        city, state, country, continent, _, _ = chance.choice(PLACES)
        street = f"{chance.randrange(1, 400)} {chance.choice(DISTRICTS)} Street"
        rows.append(
            (
                FIRST_CUSTOMER + at, first, last, f"{first}.{last}{at}@example.com".lower(),
                f"555-{chance.randrange(1000, 9999)}", street, city, state, country, continent,
                chance.randrange(10_000, 99_999), chance.choice(("female", "male")),
            )
        )  # fmt: skip
    return _table(
        rows, customerID="int64", first_name="string", last_name="string", email_address="string",
        phone_number="string", address="string", city="string", state="string", country="string",
        continent="string", postal_zip_code="int64", gender="string",
    )  # fmt: skip


def sales_transactions() -> pyarrow.Table:
    chance = random.Random(44)
    rows = []
    for at in range(SALES):
        quantity, price = round(chance.triangular(1, 40, 8)), 3
        rows.append(
            (
                FIRST_SALE + at, FIRST_CUSTOMER + chance.randrange(CUSTOMERS),
                FIRST_FRANCHISE + chance.randrange(FRANCHISES), _moment(chance),
                chance.choice(PRODUCTS), quantity, price, quantity * price,
                chance.choice(PAYMENTS), chance.randrange(10**15, 10**16),
            )
        )  # fmt: skip
    return _table(
        rows, transactionID="int64", customerID="int64", franchiseID="int64",
        dateTime="timestamp", product="string", quantity="int64", unitPrice="int64",
        totalPrice="int64", paymentMethod="string", cardNumber="int64",
    )  # fmt: skip


def media_customer_reviews() -> pyarrow.Table:
    return _table(
        [(text, franchise, at, id) for id, franchise, at, text in _reviews()],
        review="string", franchiseID="int64", review_date="timestamp", new_id="int32",
    )  # fmt: skip


def media_gold_reviews_chunked() -> pyarrow.Table:
    rows = [
        (franchise, at, text, f"{id}-0", f"review_{id}.txt")
        for id, franchise, at, text in _reviews()[:CHUNKS]
    ]
    return _table(
        rows, franchiseID="int64", review_date="timestamp", chunked_text="string",
        chunk_id="string", review_uri="string",
    )  # fmt: skip


def _reviews() -> list[tuple[int, int, datetime, str]]:
    chance = random.Random(45)
    found = []
    for at in range(REVIEWS):
        mood = PRAISE if chance.random() < 0.6 else BLAME
        sentences = [*chance.sample(mood, 2), chance.choice(PLAIN)]
        text = " ".join(sentences).format(product=chance.choice(PRODUCTS))
        franchise = FIRST_FRANCHISE + chance.randrange(FRANCHISES)
        found.append((at + 1, franchise, _moment(chance), text))
    return found


def _moment(chance: random.Random) -> datetime:
    day = BEGIN + timedelta(days=chance.randrange(DAYS), hours=8)
    return day + timedelta(seconds=chance.randrange(12 * 3600))


def _near(chance: random.Random, degrees: float) -> float:
    return round(degrees + chance.uniform(-0.1, 0.1), 4)


def _table(rows: Iterable[Sequence[Any]], **kinds: str) -> pyarrow.Table:
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    types = {
        name: moment if kind.startswith("timestamp") else pa.type_for_alias(kind)
        for name, kind in kinds.items()
    }
    columns = zip(*rows, strict=True)
    return pa.table(
        {
            name: pa.array(column, kind)
            for (name, kind), column in zip(types.items(), columns, strict=True)
        }
    )


TABLES: Final[Mapping[str, Callable[[], pyarrow.Table]]] = {
    one.__name__: one
    for one in (
        sales_suppliers,
        sales_franchises,
        sales_customers,
        sales_transactions,
        media_customer_reviews,
        media_gold_reviews_chunked,
    )
}
