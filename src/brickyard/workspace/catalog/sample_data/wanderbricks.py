"""`samples.wanderbricks`: a marketplace of holiday homes, with Databricks' tables.

Names, keys and columns as Databricks' page of the data set and public queries on it have them; what
no public source names may be missing. Rows are made up, and fewer than Databricks has.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from brickyard.workspace.catalog.sample_data.bakehouse import FIRST_NAMES, LAST_NAMES

if TYPE_CHECKING:
    import pyarrow

USERS, HOSTS, PROPERTIES, BOOKINGS, REVIEWS, EVENTS, EMPLOYEES, TICKETS = (
    1_000, 150, 500, 4_000, 3_000, 4_000, 200, 150,
)  # fmt: skip
BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
DAYS: Final = 600
# destination, state or province, its code, country
PLACES: Final = (
    ("Paris", "Ile-de-France", "IDF", "France"),
    ("Nice", "Provence-Alpes-Cote d'Azur", "PAC", "France"),
    ("Lisbon", "Lisbon", "11", "Portugal"),
    ("Rome", "Lazio", "62", "Italy"),
    ("Berlin", "Berlin", "BE", "Germany"),
    ("New York City", "New York", "NY", "United States"),
    ("San Diego", "California", "CA", "United States"),
    ("Vancouver", "British Columbia", "BC", "Canada"),
    ("Tokyo", "Tokyo", "13", "Japan"),
    ("Bangkok", "Bangkok", "10", "Thailand"),
    ("Sydney", "New South Wales", "NSW", "Australia"),
    ("Cape Town", "Western Cape", "WC", "South Africa"),
)
# country, its code, continent
COUNTRIES: Final = (
    ("France", "FR", "Europe"),
    ("Portugal", "PT", "Europe"),
    ("Italy", "IT", "Europe"),
    ("Germany", "DE", "Europe"),
    ("United States", "US", "North America"),
    ("Canada", "CA", "North America"),
    ("Japan", "JP", "Asia"),
    ("Thailand", "TH", "Asia"),
    ("Australia", "AU", "Oceania"),
    ("South Africa", "ZA", "Africa"),
)
LATITUDES: Final = (
    48.86,
    43.7,
    38.72,
    41.9,
    52.52,
    40.71,
    32.72,
    49.28,
    35.69,
    13.76,
    -33.87,
    -33.93,
)
LONGITUDES: Final = (
    2.35,
    7.27,
    -9.14,
    12.5,
    13.4,
    -74.0,
    -117.16,
    -123.12,
    139.69,
    100.5,
    151.21,
    18.42,
)
TYPES: Final = ("apartment", "cabin", "house", "loft", "studio", "villa")
STATES: Final = ("pending", "confirmed", "completed", "cancelled")
AMENITIES: Final = (
    ("Wi-Fi", "Basic"), ("Heating", "Basic"), ("Kitchen", "Basic"), ("Washer", "Basic"),
    ("Parking", "Convenience"), ("Workspace", "Convenience"), ("Crib", "Family"),
    ("Hot tub", "Luxury"), ("Pool", "Luxury"), ("Sauna", "Luxury"), ("Balcony", "Outdoor"),
    ("Barbecue", "Outdoor"),
)  # fmt: skip
ROLES: Final = ("chef", "cleaner", "concierge", "gardener", "manager")
METHODS: Final = ("apple_pay", "bank_transfer", "credit_card", "paypal")
DEVICES: Final = ("desktop", "mobile", "tablet")
REFERRERS: Final = ("ad", "direct", "email", "google")
WORDS: Final = (
    (1, "The place was dirty and nobody answered our calls."),
    (2, "Smaller than the pictures, and loud at night."),
    (3, "All right for one night."),
    (4, "A good stay, close to everything."),
    (5, "Wonderful host, we will come back."),
)
COMPLAINTS: Final = (
    "I was charged twice for my booking.",
    "The host cancelled a day before we arrive.",
    "How do I change the number of guests?",
    "The door code does not work.",
)
ANSWERS: Final = ("We are looking into it.", "This is settled now.", "Please send us the booking.")


def countries() -> pyarrow.Table:
    return _table(COUNTRIES, country="string", country_code="string", continent="string")


def destinations() -> pyarrow.Table:
    rows = [
        (at, name, country, state, code, f"# {name}\n\n{name} lies in {state}, {country}.")
        for at, (name, state, code, country) in enumerate(PLACES, start=1)
    ]
    return _table(
        rows, destination_id="int64", destination="string", country="string",
        state_or_province="string", state_or_province_code="string", description="string",
    )  # fmt: skip


def users() -> pyarrow.Table:
    chance, rows = random.Random(51), []
    for at in range(1, USERS + 1):
        business = chance.random() < 0.15
        name, email = _person(chance, at)
        rows.append(
            (
                at, email, name, chance.choice(COUNTRIES)[0],
                "business" if business else "individual", _day(chance), business,
                f"{name.split()[1]} Travel" if business else None,
            )
        )  # fmt: skip
    return _table(
        rows, user_id="int64", email="string", name="string", country="string",
        user_type="string", created_at="date", is_business="bool", company_name="string",
    )  # fmt: skip


def hosts() -> pyarrow.Table:
    chance, rows = random.Random(52), []
    for at in range(1, HOSTS + 1):
        name, email = _person(chance, at)
        rows.append(
            (
                at, name, email, _phone(chance), chance.random() < 0.8, chance.random() < 0.9,
                round(chance.uniform(3, 5), 1), chance.choice(COUNTRIES)[0], _day(chance),
            )
        )  # fmt: skip
    return _table(
        rows, host_id="int64", name="string", email="string", phone="string", is_verified="bool",
        is_active="bool", rating="float32", country="string", joined_at="date",
    )  # fmt: skip


def employees() -> pyarrow.Table:
    chance, rows = random.Random(53), []
    for at in range(1, EMPLOYEES + 1):
        name, email = _person(chance, at)
        joined, here = _day(chance), chance.random() < 0.8
        left = None if here else joined + timedelta(days=chance.randrange(30, 400))
        rows.append(
            (
                at, chance.randint(1, HOSTS), name, chance.choice(ROLES), email, _phone(chance),
                chance.choice(COUNTRIES)[0], joined, left, here,
            )
        )  # fmt: skip
    return _table(
        rows, employee_id="int64", host_id="int64", name="string", role="string", email="string",
        phone="string", country="string", joined_at="date", end_service_date="date",
        is_currently_employed="bool",
    )  # fmt: skip


def properties() -> pyarrow.Table:
    chance, rows = random.Random(54), []
    for at in range(1, PROPERTIES + 1):
        where, kind, rooms = (
            chance.randrange(len(PLACES)),
            chance.choice(TYPES),
            chance.randint(1, 5),
        )
        place = PLACES[where][0]
        rows.append(
            (
                at, chance.randint(1, HOSTS), where + 1, f"{kind.capitalize()} {at} in {place}",
                f"A {kind} in {place} with {rooms} bedrooms.", float(chance.randint(40, 500)), kind,
                rooms * 2, rooms, max(1, rooms - 1),
                round(LATITUDES[where] + chance.uniform(-0.1, 0.1), 4),
                round(LONGITUDES[where] + chance.uniform(-0.1, 0.1), 4), _day(chance),
            )
        )  # fmt: skip
    return _table(
        rows, property_id="int64", host_id="int64", destination_id="int64", title="string",
        description="string", base_price="float32", property_type="string", max_guests="int32",
        bedrooms="int32", bathrooms="int32", property_latitude="float32",
        property_longitude="float32", created_at="date",
    )  # fmt: skip


def amenities() -> pyarrow.Table:
    rows = [
        (at, name, kind, name.lower().replace(" ", "-"))
        for at, (name, kind) in enumerate(AMENITIES, start=1)
    ]
    return _table(rows, amenity_id="int64", name="string", category="string", icon="string")


def property_amenities() -> pyarrow.Table:
    chance = random.Random(55)
    rows = [
        (home, one)
        for home in range(1, PROPERTIES + 1)
        for one in sorted(chance.sample(range(1, len(AMENITIES) + 1), chance.randint(2, 8)))
    ]
    return _table(rows, property_id="int64", amenity_id="int64")


def property_images() -> pyarrow.Table:
    chance = random.Random(56)
    rows: list[tuple[Any, ...]] = []
    for home in range(1, PROPERTIES + 1):
        for turn in range(1, chance.randint(2, 4)):
            url = f"https://example.com/images/{home}-{turn}.jpg"
            rows.append((len(rows) + 1, home, url, turn, turn == 1, _day(chance)))
    return _table(
        rows, image_id="int64", property_id="int64", url="string", sequence="int32",
        is_primary="bool", uploaded_at="date",
    )  # fmt: skip


def bookings() -> pyarrow.Table:
    return _table(_bookings(), **_BOOKING)


def booking_updates() -> pyarrow.Table:
    """What became of two of three bookings, in one step or two."""
    chance = random.Random(58)
    rows: list[tuple[Any, ...]] = []
    for booking in _bookings():
        changed = booking[-1]
        for state in chance.choice(((), (booking[7],), ("confirmed", booking[7]))):
            changed += timedelta(hours=chance.randint(1, 48))
            rows.append((len(rows) + 1, *booking[:7], state, booking[8], changed))
    return _table(rows, booking_update_id="int64", **_BOOKING)


def payments() -> pyarrow.Table:
    chance = random.Random(59)
    rows: list[tuple[Any, ...]] = []
    for booking in _bookings():
        id, amount, state, made = booking[0], booking[6], booking[7], booking[8]
        states = {"pending": ("pending",), "cancelled": ("completed", "refunded")}
        for at, paid in enumerate(states.get(state, ("completed",))):
            when = made + timedelta(days=at, hours=chance.randint(0, 20))
            rows.append((len(rows) + 1, id, amount, chance.choice(METHODS), paid, when))
    return _table(
        rows, payment_id="int64", booking_id="int64", amount="float32", payment_method="string",
        status="string", payment_date="timestamp",
    )  # fmt: skip


def reviews() -> pyarrow.Table:
    chance, stays = random.Random(60), [one for one in _bookings() if one[7] == "completed"]
    rows = []
    for at, stay in enumerate(stays[:REVIEWS], start=1):
        rating, words = WORDS[min(4, int(chance.triangular(0, 5, 4.5)))]
        written = _at(stay[4]) + timedelta(days=chance.randint(1, 9), minutes=chance.randrange(900))
        gone = chance.random() < 0.03
        rows.append(
            (at, stay[0], stay[2], stay[1], float(rating), words, written, written, gone)
        )  # fmt: skip
    return _table(
        rows, review_id="int64", booking_id="int64", property_id="int64", user_id="int64",
        rating="float32", comment="string", created_at="timestamp", updated_at="timestamp",
        is_deleted="bool",
    )  # fmt: skip


def clickstream() -> pyarrow.Table:
    chance = random.Random(61)
    rows = [
        (
            chance.randint(1, USERS), chance.randint(1, PROPERTIES),
            chance.choice(("view", "click", "search", "filter")), _moment(chance),
            {"device": chance.choice(DEVICES), "referrer": chance.choice(REFERRERS)},
        )
        for _ in range(EVENTS)
    ]  # fmt: skip
    return _table(
        rows, user_id="int64", property_id="int64", event="string", timestamp="timestamp",
        metadata="visit",
    )  # fmt: skip


def page_views() -> pyarrow.Table:
    chance, rows = random.Random(62), []
    for at in range(1, EVENTS + 1):
        home = chance.randint(1, PROPERTIES)
        rows.append(
            (
                at, chance.randint(1, USERS), home, f"https://example.com/properties/{home}",
                chance.choice(REFERRERS), chance.choice(DEVICES), _moment(chance),
            )
        )  # fmt: skip
    return _table(
        rows, view_id="int64", user_id="int64", property_id="int64", page_url="string",
        referrer="string", device_type="string", timestamp="timestamp",
    )  # fmt: skip


def customer_support_logs() -> pyarrow.Table:
    chance, rows = random.Random(63), []
    for at in range(1, TICKETS + 1):
        asked = _moment(chance)
        said = [
            (chance.choice(COMPLAINTS), "user", chance.choice(("negative", "neutral"))),
            (chance.choice(ANSWERS), "agent", "neutral"),
        ]
        messages = [
            {"message": text, "sender": who, "sentiment": mood,
             "timestamp": (asked + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")}
            for hours, (text, who, mood) in enumerate(said)
        ]  # fmt: skip
        rows.append(
            (f"T{at:05}", chance.randint(1, USERS), chance.randint(1, 20), asked, messages)
        )  # fmt: skip
    return _table(
        rows, ticket_id="string", user_id="int64", support_agent_id="int64",
        created_at="timestamp", messages="talk",
    )  # fmt: skip


_BOOKING: Final = {
    "booking_id": "int64", "user_id": "int64", "property_id": "int64", "check_in": "date",
    "check_out": "date", "guests_count": "int32", "total_amount": "float32", "status": "string",
    "created_at": "timestamp", "updated_at": "timestamp",
}  # fmt: skip


def _bookings() -> list[tuple[Any, ...]]:
    chance, rows = random.Random(57), []
    for at in range(1, BOOKINGS + 1):
        made, nights = _moment(chance), chance.randint(1, 14)
        arrives = made.date() + timedelta(days=chance.randint(1, 90))
        amount = float(nights * chance.randint(40, 500))
        [state] = chance.choices(STATES, (1, 2, 6, 1))
        rows.append(
            (
                at, chance.randint(1, USERS), chance.randint(1, PROPERTIES), arrives,
                arrives + timedelta(days=nights), chance.randint(1, 6), amount, state, made, made,
            )
        )  # fmt: skip
    return rows


def _person(chance: random.Random, at: int) -> tuple[str, str]:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    return f"{first} {last}", f"{first}.{last}{at}@example.com".lower()


def _phone(chance: random.Random) -> str:
    return f"555-{chance.randrange(1000, 9999)}"


def _moment(chance: random.Random) -> datetime:
    return BEGIN + timedelta(seconds=chance.randrange(DAYS * 86_400))


def _day(chance: random.Random) -> date:
    return _moment(chance).date()


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _table(rows: Any, **kinds: str) -> pyarrow.Table:
    import pyarrow as pa

    text = pa.string()
    parts = ("message", "sender", "sentiment", "timestamp")
    own = {
        "timestamp": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
        "visit": pa.struct({"device": text, "referrer": text}),
        "talk": pa.list_(pa.struct(dict.fromkeys(parts, text))),
    }
    columns = zip(*rows, strict=True)
    types = {name: own.get(kind) or pa.type_for_alias(kind) for name, kind in kinds.items()}
    pairs = zip(types.items(), columns, strict=True)
    return pa.table({name: pa.array(column, kind) for (name, kind), column in pairs})


TABLES: Final[Mapping[str, Callable[[], pyarrow.Table]]] = {
    one.__name__: one
    for one in (
        countries, destinations, users, hosts, employees, properties, amenities,
        property_amenities, property_images, bookings, booking_updates, payments, reviews,
        clickstream, page_views, customer_support_logs,
    )
}  # fmt: skip
