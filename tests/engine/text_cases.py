"""Texts made of templates, with the places of what identifies: how well cleaning finds it, by infotype.

The templates are in `text_set/templates.txt`; the values are drawn from the lists here with a fixed seed, half of the
names from those that lists of names have, half made up. Nothing here is anybody's.
"""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dicomveil_engine.text.detectors import checksums
from dicomveil_engine.text.words import IdentifyingWords

TEMPLATES = Path(__file__).parent / "text_set" / "templates.txt"
VARIANTS = 12
"""Cases made of a template that has something to fill in."""

_GIVEN = {
    "en": "Monica Derek Fatima Allison Curtis Denise Marcus Yvonne Aoibheann Nkemdi Tobiasz Lumi",
    "de": "Jürgen Heike Sabine Torsten Wiebke Detlef Friedhelm Leevke",
    "fr": "Béatrice Didier Mathilde Gaël Océane Thibault Maëlys Corentin",
    "es": "Rocío Álvaro Inmaculada Gonzalo Maite Ximena Nerea Iker",
    "it": "Donatella Gianluca Ornella Fabrizio Loredana Ruggero Nives Ilario",
    "nl": "Maaike Sander Femke Wouter Anouk Gijs Tjitske Jelmer",
    "pt": "Leonor Tiago Mafalda Duarte Inês Rodrigo Jandira Telmo",
    "pl": "Agnieszka Zbigniew Halina Krzysztof Jadwiga Mirosław Bogna Ziemowit",
    "tr": "Ayşe Mehmet Zeynep Mustafa Elif Hakan Gülizar Tunç",
    "sv": "Astrid Gunnar Birgitta Torbjörn Agneta Folke Tuva Alvar",
    "cs": "Zdeněk Ludmila Vladimír Jitka Bohumil Květa Ctirad Mlada",
    "ru": "Ольга Сергей Наталья Виктор Людмила Игорь Агриппина Мирон",
}
_SURNAME = {
    "en": "Whitaker Delgado Okafor Brennan Fitzgerald Haddad Nakamura Petrov Brandthwaite Tallowmere Quarrendon O'Farrell",
    "de": "Hoffmeister Kowalke Lindenau Brückner Schäfer Neumann Zwickelberger Röthlisauer",
    "fr": "Lefebvre Moreau Chevallier Dupont Bellanger Garnier Quéfélec Trébuchon",
    "es": "Navarro Cifuentes Herrera Zamorano Ibáñez Castillo Urquizú Bellmunt",
    "it": "Bianchi Esposito Marchetti Colombo Ferrari Lombardo Quaranzini Bedoglio",
    "nl": "Bakker Visser Dijkstra Hoekstra Vermeulen Kuipers Zwanestein Wijfkerk",
    "pt": "Carvalho Figueiredo Teixeira Magalhães Sequeira Fonseca Xertelo Bragadas",
    "pl": "Nowak Wójcik Kamiński Szymańska Lewandowski Dąbrowska Gżegżółka Brzęczyk",
    "tr": "Yılmaz Kaya Öztürk Aydın Çelik Şahin Gökdere Tuğrulca",
    "sv": "Lindqvist Bergström Håkansson Nyström Söderberg Ekdahl Kvarnlund Brännhage",
    "cs": "Novotný Dvořák Procházka Svoboda Kučera Veselý Šťovíčkov Ryblička",
    "ru": "Соколов Морозова Лебедев Новикова Козлов Павлова Берестневский Чернолюбов",
    "ja": "佐藤 鈴木 高橋 田中 渡辺 小林 吉田 長谷川",
}
_OWN = {
    "ja": "山口^直子 中村^健一 斎藤^美咲",
    "zh": "王^秀英 欧阳^明 刘^建国",
    "ko": "박^서연 김^도윤 최^은주",
}
_ORG = {
    "en": "Brookhaven Regional Hospital|St. Cuthbert Medical Center|Tallowmere Clinic|Quarrendon Nursing Home"
    "|Delgado Imaging Associates",
    "de": "Klinikum Lindenau|Marien-Krankenhaus Wetterberg|MVZ Kowalke|Universitätsklinikum Brückstadt",
    "fr": "CHU de Bellanger|Clinique Saint-Roch|Hôpital Garnier|Centre hospitalier de Moreau",
    "es": "Hospital San Telmo|Clínica Zamorano|Hospital General de Cifuentes",
    "it": "Ospedale Marchetti|Policlinico San Nazario|Casa di Cura Villa Lombardo",
    "nl": "Ziekenhuis Dijkstra|UMC Hoekstra|Sint Lucas Ziekenhuis",
    "pt": "Hospital São Telmo|Clínica Teixeira|Hospital de Sequeira",
    "pl": "Szpital w Nowakowie|Szpital św. Łucji|Klinika Kamiński",
}
_STREET = {
    "en": "418 Tallowmere Avenue|92 North Brennan Street, Apt 4|7 Quarrendon Lane, Whitbury 60418|PO Box 4471",
    "de": "Lindenauer Straße 14, 01234 Wetterberg|Am Brückplatz 3|Kowalkeweg 88",
    "fr": "12 rue des Bellangers, 35000 Moreauville|8 bis avenue Garnier|3 place du Marché",
    "es": "Calle Zamorano 41, 28001 Cifuentes|Avenida del Puerto 12|Plaza Mayor 3",
    "it": "via Marchetti 12, 40121 Lombarda|Viale Colombo 8|Piazza Ferrari 3",
    "nl": "Dijkstralaan 12, 1234 AB Hoekdam|Visserstraat 7|Bakkerweg 101",
    "ja": "東京都港区芝公園4丁目2番8号|横浜市中区山下町12番3号",
}
_CITY = ["Milwaukee", "Sacramento", "Tallahassee", "Winnipeg", "Hannover", "Grenoble"]
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
}
_PHONE = {
    "en": "({}) {}-{:04d}|{}-{}-{:04d}|{}.{}.{:04d}|+1 {} {} {:04d}",
    "de": "030 {}{}{:02d}|0{}/{}{:03d}|+49 {} {}{:04d}",
    "fr": "06 12 {:.2} {:.2} {:02d}|+33 6 {:.2} {:.2} {:02d} 18",
    "es": "6{:.2} {} {:03d}|+34 6{:.2} {} {:03d}",
    "it": "06 {}{}{:02d}|+39 3{:.2} {}{:04d}",
    "nl": "06-{}{}{:02d}|+31 6 {}{}{:02d}",
    "pt": "9{:.2} {} {:03d}|+351 9{:.2} {} {:03d}",
    "pl": "6{:.2} {} {:03d}|+48 6{:.2} {} {:03d}",
    "ru": "8 ({}) {}-{:02d}-41|+7 {} {}-{:02d}-41",
    "ja": "03-{}1-{}{:01d}|090-{}1-{}{:01d}",
}
_TYPES = {
    "OWN": "PERSON_NAME", "DOCTOR": "PERSON_NAME", "GIVEN": "PERSON_NAME", "SURNAME": "PERSON_NAME",
    "GIVEN_UPPER": "PERSON_NAME", "SURNAME_UPPER": "PERSON_NAME", "INITIAL": "PERSON_NAME", "INITIALS": "PERSON_NAME",
    "NAME_ZH": "PERSON_NAME", "NAME_KO": "PERSON_NAME", "OWN_ID": "MEDICAL_RECORD_NUMBER",
    "ID": "MEDICAL_RECORD_NUMBER", "OWN_DATE": "DATE", "MONTH_YEAR": "DATE", "EXTENSION": "PHONE_NUMBER",
    "PHONE": "PHONE_NUMBER", "EMAIL": "EMAIL_ADDRESS", "URL": "URL", "IP": "IP_ADDRESS", "MAC": "MAC_ADDRESS",
    "ORG": "ORGANIZATION_NAME", "STREET": "STREET_ADDRESS", "CITY": "LOCATION", "SERIAL": "DEVICE_ID",
    "LOT": "DEVICE_ID", "OLD": "AGE", "SSN": "national number", "CARD": "CREDIT_CARD_NUMBER", "UID": "UID",
    "PASSPORT": "PASSPORT", "PLATE": "vehicle", "VIN": "vehicle", "LOGIN": "USERNAME", "NHS": "national number",
    "MBI": "national number", "NIR": "national number", "DNI": "national number", "CF": "national number",
    "BSN": "national number", "CPF": "national number", "PESEL": "national number", "TCKN": "national number",
    "CHINESE_ID": "national number", "RRN": "national number", "DATE": "DATE",
}  # fmt: skip
_FAMILIES = {"VEHICLE_IDENTIFICATION_NUMBER": "vehicle", "LICENSE_PLATE": "vehicle"}


class Planted(NamedTuple):
    """What identifies in a case."""

    start: int
    end: int
    infotype: str
    is_own: bool
    """It stands in an attribute of the same data set."""


@dataclass(frozen=True)
class Case:
    """A text, what identifies in it, and what its data set says of itself."""

    language: str
    text: str
    planted: tuple[Planted, ...]
    values: tuple[tuple[str, str], ...]


def _digits(random_: random.Random, count: int) -> str:
    return str(random_.randint(1, 9)) + "".join(str(random_.randint(0, 9)) for _ in range(count - 1))


def _until(make: Callable[[], str], check: Callable[[str], bool]) -> str:
    while not check(number := make()):
        pass
    return number


class Lists(NamedTuple):
    """The values of a set, by language."""

    given: Mapping[str, str] = _GIVEN
    surname: Mapping[str, str] = _SURNAME
    own: Mapping[str, str] = _OWN
    organizations: Mapping[str, str] = _ORG
    streets: Mapping[str, str] = _STREET
    cities: Sequence[str] = tuple(_CITY)


class _Values:
    """Draws what stands in a template's places."""

    def __init__(self, language: str, random_: random.Random, lists: Lists) -> None:
        self.language = language
        self.random = random_
        self.lists = lists
        given, surname = lists.given.get(language, lists.given["en"]), lists.surname.get(language, lists.surname["en"])
        if language in lists.own:
            self.patient = self.pick(lists.own[language].split())
        else:
            self.patient = f"{self.pick(surname.split())}^{self.pick(given.split())}"
        self.patient_id = self.pick([f"P-{_digits(random_, 5)}", _digits(random_, 7), f"KX{_digits(random_, 6)}"])
        self.date = (random_.randint(2015, 2024), random_.randint(1, 12), random_.randint(13, 28))

    def pick(self, values: list[str]) -> str:
        return self.random.choice(values)

    def draw(self, place: str) -> str:
        name = re.sub(r"_(?:DE|FR|ES|IT|NL|PT|PL|TR|SV|CS|RU|JA|ZH|KO)\Z", "", place) if place[:4] != "NAME" else place
        return str(getattr(self, f"_{name.lower()}")())

    def _own(self) -> str:
        family, given = self.patient.split("^")
        if self.language in self.lists.own:
            return family + given
        forms = [family, family.upper(), f"{family}, {given}", f"{given} {family}", f"{family}^{given}", family.lower()]
        return self.pick(forms)

    def _own_id(self) -> str:
        return self.patient_id

    def _own_date(self) -> str:
        year, month, day = self.date
        return self.pick(
            [f"{year}{month:02d}{day:02d}", f"{day:02d}.{month:02d}.{year}", f"{month}/{day}/{year % 100:02d}"]
        )

    def _given(self) -> str:
        return self.pick(self.lists.given[self.language].split())

    def _surname(self) -> str:
        return self.pick(self.lists.surname[self.language].split())

    def _given_upper(self) -> str:
        return self._given().upper()

    def _surname_upper(self) -> str:
        return self._surname().upper()

    def _initial(self) -> str:
        return self.pick(list("BDGHJKPSTW"))

    def _initials(self) -> str:
        return self.pick(["BK", "JW", "GH", "DKW", "TJ"])

    def _name_zh(self) -> str:
        return self.pick(["张伟", "李娜", "陈晓明", "杨丽"])

    def _name_ko(self) -> str:
        return self.pick(["이민호", "정수진", "한지우", "윤태영"])

    def _date(self) -> str:
        year, month, day = self.random.randint(2005, 2024), self.random.randint(1, 12), self.random.randint(1, 28)
        if self.language in {"ja", "zh"}:
            return self.pick(
                [
                    f"{year}年{month}月{day}日",
                    *([f"令和{self.random.randint(1, 6)}年{month}月{day}日"] if self.language == "ja" else []),
                ]
            )
        if self.language == "ko":
            return f"{year}년 {month}월 {day}일"
        name = _MONTHS[self.language].split()[month - 1]
        between = " de " if self.language in {"es", "pt"} else " "
        forms = [
            f"{day}{between}{name}{between}{year}",
            f"{day:02d}.{month:02d}.{year}",
            f"{day:02d}/{month:02d}/{year}",
        ]
        if self.language == "en":
            forms = [
                f"{name} {day}, {year}",
                f"{month}/{day}/{year}",
                f"{year}-{month:02d}-{day:02d}",
                f"{day} {name[:3]} {year}",
                f"{name[:3]} {day}, {year}",
            ]
        return self.pick(forms)

    def _month_year(self) -> str:
        month, year = self.random.randint(1, 12), self.random.randint(2005, 2024)
        return self.pick([f"{month:02d}/{year}", f"{_MONTHS[self.language].split()[month - 1]} {year}"])

    def _phone(self) -> str:
        form = self.pick(_PHONE[self.language].split("|"))
        places = form.count("{") - 1
        low = [_digits(self.random, 3) for _ in range(places)]
        low = ["2" + one[1:] if one[0] == "1" else one for one in low]
        width = int(re.findall(r":0(\d)d", form)[0]) if ":0" in form else 4
        return form.format(*low, self.random.randint(0, 10**width - 1))

    def _extension(self) -> str:
        return self.pick(["ext. ", "x", "ext "]) + _digits(self.random, 4)

    def _email(self) -> str:
        return self.pick(["b.tallow@quarrendon.example", "rad-desk@brookhaven.org", "whitaker_m@mail.example"])

    def _url(self) -> str:
        return self.pick(
            ["https://pacs.brookhaven.example/v/88231", "www.tallowmere-imaging.org/prep", "http://10.4.8.2:8080/ui"]
        )

    def _ip(self) -> str:
        return f"10.{self.random.randint(0, 255)}.{self.random.randint(0, 255)}.{self.random.randint(1, 254)}"

    def _mac(self) -> str:
        return ":".join(f"{self.random.randint(0, 255):02X}" for _ in range(6))

    def _uid(self) -> str:
        return f"1.2.3.{_digits(self.random, 8)}.{_digits(self.random, 3)}"

    def _org(self) -> str:
        return self.pick(self.lists.organizations[self.language].split("|"))

    def _street(self) -> str:
        return self.pick(self.lists.streets[self.language].split("|"))

    def _city(self) -> str:
        return self.pick(list(self.lists.cities))

    def _id(self) -> str:
        return self.pick(
            [
                _digits(self.random, 6),
                f"B{_digits(self.random, 6)}",
                f"{_digits(self.random, 3)}-{_digits(self.random, 5)}",
                _digits(self.random, 8),
            ]
        )

    def _serial(self) -> str:
        return self.pick(
            [
                f"ZX{_digits(self.random, 5)}",
                _digits(self.random, 6),
                f"{_digits(self.random, 3)}-{_digits(self.random, 4)}B",
            ]
        )

    def _lot(self) -> str:
        return f"L{_digits(self.random, 5)}"

    def _old(self) -> str:
        return str(self.random.randint(90, 104))

    def _passport(self) -> str:
        return f"{self.pick(['C', 'X', 'P'])}{_digits(self.random, 8)}"

    def _plate(self) -> str:
        return self.pick(["KLM 4821", "8TRX204", "BW-QR 118"])

    def _login(self) -> str:
        return self.pick(["mwhitaker", "dokafor2", "j.brennan"])

    def _vin(self) -> str:
        return _until(
            lambda: "1FT" + "".join(self.pick(list("ABCDEFGHJKLMNPRSTUVWXYZ0123456789")) for _ in range(14)),
            lambda vin: checksums.vin(vin.lower()),
        )

    def _ssn(self) -> str:
        return f"{self.random.randint(100, 665)}-{self.random.randint(10, 99)}-{self.random.randint(1000, 9999)}"

    def _card(self) -> str:
        number = _until(lambda: "4" + _digits(self.random, 15), checksums.luhn)
        return " ".join(number[at : at + 4] for at in range(0, 16, 4))

    def _nhs(self) -> str:
        number = _until(lambda: _digits(self.random, 10), checksums.nhs)
        return self.pick([number, f"{number[:3]} {number[3:6]} {number[6:]}"])

    def _mbi(self) -> str:
        return f"{self.random.randint(1, 9)}EG4-TE5-MK{self.random.randint(10, 99)}"

    def _nir(self) -> str:
        number = f"{self.random.randint(1, 2)}{self.random.randint(30, 99)}{self.random.randint(1, 12):02d}35{_digits(self.random, 6)}"
        key = 97 - int(number) % 97
        return f"{number[0]} {number[1:3]} {number[3:5]} {number[5:7]} {number[7:10]} {number[10:]} {key:02d}"

    def _dni(self) -> str:
        number = _digits(self.random, 8)
        return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]

    def _cf(self) -> str:
        start = f"BNCDTL{self.random.randint(30, 99)}A{self.random.randint(1, 28):02d}F205"
        return next(
            start + end for end in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if checksums.codice_fiscale((start + end).lower())
        )

    def _bsn(self) -> str:
        return _until(lambda: _digits(self.random, 9), checksums.bsn)

    def _cpf(self) -> str:
        number = _until(lambda: _digits(self.random, 11), checksums.cpf)
        return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"

    def _pesel(self) -> str:
        return _until(lambda: _digits(self.random, 11), checksums.pesel)

    def _tckn(self) -> str:
        return _until(lambda: _digits(self.random, 11), checksums.tckn)

    def _chinese_id(self) -> str:
        return _until(
            lambda: (
                "11010119"
                + str(self.random.randint(50, 99))
                + "0307"
                + _digits(self.random, 3)
                + self.pick(list("0123456789X"))
            ),
            lambda one: checksums.chinese_id(one.lower()),
        )

    def _rrn(self) -> str:
        return f"{self.random.randint(50, 99)}0{self.random.randint(1, 9)}1{self.random.randint(0, 9)}-{self.random.randint(1, 2)}{_digits(self.random, 6)}"


_PLACE = re.compile(r"\{([A-Z_]+)\}")


@cache
def cases() -> tuple[Case, ...]:
    """All cases, always the same."""
    random_ = random.Random(20260101)
    return tuple(
        case_of(language, template, random_)
        for language, template, has_places in lines_of(TEMPLATES)
        for _ in range(VARIANTS if has_places else 1)
    )


def lines_of(path: Path) -> Iterator[tuple[str, str, bool]]:
    """The templates of a file: language, template, and whether it has places to fill in."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            language, _, template = line.partition(": ")
            yield language, template, _PLACE.search(template) is not None


def case_of(language: str, template: str, random_: random.Random, lists: Lists | None = None) -> Case:
    """A case, its places filled in."""
    values = _Values(language, random_, lists or Lists())
    text, end = "", 0
    planted = []
    for match in _PLACE.finditer(template):
        text += template[end : match.start()]
        end = match.end()
        value = values.draw(match[1])
        place = (
            re.sub(r"_(?:DE|FR|ES|IT|NL|PT|PL|TR|SV|CS|RU|JA|ZH|KO)\Z", "", match[1])
            if match[1][:4] != "NAME"
            else match[1]
        )
        planted.append(
            Planted(len(text), len(text) + len(value), _TYPES[place], match[1].startswith(("OWN", "DOCTOR")))
        )
        text += value
    text += template[end:]
    year, month, day = values.date
    own = ((values.patient, "PN"), (values.patient_id, "LO"), (f"{year}{month:02d}{day:02d}", "DA"))
    return Case(language, text, tuple(planted), own)


class Score(NamedTuple):
    """How many of what was planted were found, and how many findings were of what was planted."""

    planted: int
    found: int
    findings: int
    right: int


@dataclass(frozen=True)
class Result:
    """What cleaning did to all cases."""

    by_infotype: dict[str, Score]
    own: Score
    words_kept: tuple[int, int]
    """Of the words that must stay in cases with something planted: kept, and all."""
    clean_touched: tuple[int, int]
    """Cases with nothing planted: changed, and all."""
    missed: list[tuple[Case, Planted]]
    lost: list[tuple[Case, list[str]]]


_ALNUM = re.compile(r"[^\W_]+")


def evaluate(given: Iterable[Case] | None = None) -> Result:
    """Clean every case, and compare."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    own = [0, 0, 0, 0]
    kept = asked = touched = clean = 0
    missed, lost = [], []
    for case in cases() if given is None else given:
        words = IdentifyingWords()
        for value, vr in case.values:
            words.add(value, vr)
        findings = words.findings(case.text)
        removed = {index for finding in findings for index in range(finding.start, finding.end)}
        for one in case.planted:
            letters = {index for index in range(one.start, one.end) if case.text[index].isalnum()}
            hit = letters <= removed
            counts[one.infotype][0] += 1
            counts[one.infotype][1] += hit
            own[0] += one.is_own
            own[1] += one.is_own and hit
            if not hit:
                missed.append((case, one))
        for finding in findings:
            family = _family(finding.infotype)
            right = any(one.start < finding.end and finding.start < one.end for one in case.planted)
            counts[family][2] += 1
            counts[family][3] += right
        gone = [
            match[0]
            for match in _ALNUM.finditer(case.text)
            if not any(one.start < match.end() and match.start() < one.end for one in case.planted)
            and not removed.isdisjoint(range(*match.span()))
        ]
        if gone:
            lost.append((case, gone))
        if case.planted:
            every = sum(
                not any(one.start < match.end() and match.start() < one.end for one in case.planted)
                for match in _ALNUM.finditer(case.text)
            )
            asked, kept = asked + every, kept + every - len(gone)
        else:
            clean, touched = clean + 1, touched + bool(gone)
    return Result(
        {name: Score(*count) for name, count in sorted(counts.items())},
        Score(*own),
        (kept, asked),
        (touched, clean),
        missed,
        lost,
    )


def _family(infotype: str) -> str:
    if infotype in _FAMILIES:
        return _FAMILIES[infotype]
    national = ("SECURITY", "TAXPAYER", "MEDICARE", "NHS", "NATIONAL_HEALTH", "NIR", "DNI", "NIE", "FISCAL", "BSN", "CPF",
                "PESEL", "TURKEY", "RRN", "RESIDENT", "INDIVIDUAL", "SWEDEN", "INSURANCE")  # fmt: skip
    return "national number" if any(word in infotype for word in national) else infotype


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's)."""
    if not of:
        return 0.0, 1.0
    share, z = hits / of, 1.96
    denominator = 1 + z * z / of
    centre = share + z * z / (2 * of)
    width = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (centre - width) / denominator, (centre + width) / denominator


def table(result: Result) -> Iterator[str]:
    """The figures as lines of a table in Markdown."""
    yield "| infotype | planted | found | interval | findings of it | correct findings |"
    yield "|---|---|---|---|---|---|"
    for name, score in result.by_infotype.items():
        low, high = wilson(score.found, score.planted)
        found = f"{score.found / score.planted:.3f} | {low:.2f}-{high:.2f}" if score.planted else "- | -"
        right = f"{score.right / score.findings:.3f}" if score.findings else "-"
        yield f"| {name} | {score.planted} | {found} | {score.findings} | {right} |"


def report(outcome: Result, every: Sequence[Case]) -> None:
    """Print the figures, and one line for each kind that was missed or lost."""
    print(*table(outcome), sep="\n")
    print(
        len(every),
        "cases; own",
        outcome.own,
        "words kept",
        outcome.words_kept,
        "clean touched",
        outcome.clean_touched,
    )
    seen: set[tuple[str, ...]] = set()
    for case, one in outcome.missed:
        key: tuple[str, ...] = (case.language, one.infotype, re.sub(r"\w+", "", case.text)[:20], case.text[:6])
        if key not in seen:
            seen.add(key)
            print("MISSED", case.language, one.infotype, repr(case.text[one.start : one.end]), "in", repr(case.text))
    for case, gone_words in outcome.lost:
        key = (case.language, *gone_words)
        if key not in seen:
            seen.add(key)
            print("LOST", case.language, gone_words, "in", repr(case.text))


if __name__ == "__main__":
    report(evaluate(), cases())
