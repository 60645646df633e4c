"""A second generated set of texts: other wording and other values than `text_cases`, written after the rules were.

`PYTHONPATH=tests python tests/engine/text_wordings.py` prints the rates, by kind, and what was missed or lost.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from engine import text_cases
from engine.text_cases import Case, Result, case_of, evaluate, lines_of

TEMPLATES = Path(__file__).parent / "text_set" / "wordings.txt"
VARIANTS = 3

_GIVEN = {
    "en": "Gwendolyn Rashid Bronwyn Terrence Priscilla Kwame Ottoline Fenwick",
    "de": "Annegret Lothar Henrike Wolfram Edeltraud Jannes",
    "fr": "Solène Hervé Clotilde Anselme Perrine Yoann",
    "es": "Consuelo Ramiro Begoña Leandro Azucena Unai",
    "it": "Graziella Ottavio Fiorella Silvano Mirella Oreste",
    "nl": "Marijke Teun Annelies Joost Wietske Lammert",
    "pt": "Graça Vasco Filomena Anselmo Benedita Zeferino",
    "pl": "Bożena Leszek Grażyna Waldemar Danuta Kazimierz",
    "tr": "Nurcan Cengiz Şükran Orhan Sevgi Volkan",
    "sv": "Ingegerd Sture Gunilla Håkan Solveig Örjan",
    "cs": "Blanka Miloš Drahomíra Otakar Jarmila Zbyněk",
    "ru": "Галина Тимур Зинаида Аркадий Раиса Вениамин",
}
_SURNAME = {
    "en": "Abernathy Castellano Oyelaran Vandenberg Pemberton McGillicuddy Threlkeldon Ashgrovely",
    "de": "Baumgartner Schönfelder Wiedemann Krautheimer Pfisterlein Quasthoff",
    "fr": "Delacroix Rousselet Guérineau Montjoie Fauvelet Brizardet",
    "es": "Quintanilla Arroyo Belmonte Gutiérrez Olazarán Peñalvar",
    "it": "Caruso Pellegrini Santoro Guidotti Brandolese Ferracciolo",
    "nl": "Hendriks Zijlstra Timmermans Boersma Kolvenbach Ruitenburg",
    "pt": "Albuquerque Nogueira Vasconcelos Pacheco Bernardelo Quintelas",
    "pl": "Zieliński Wróblewska Kaczmarek Pawłowski Drzymalski Ostrzycka",
    "tr": "Demirci Korkmaz Aksoy Yıldırım Taşkıran Bülbüloğlu",
    "sv": "Sandström Wikander Lindgren Åkerlund Hallbergsson Tornqvister",
    "cs": "Horáková Beneš Pospíšil Krejčí Vondráčková Zapletalík",
    "ru": "Кузнецова Орлов Фёдорова Григорьев Заболотнев Мещерякова",
    "ja": "山崎 森田 中川 石井 藤原",
}
_OWN = {
    "ja": "松本^恵子 岡田^翔太 清水^美穂",
    "zh": "赵^丽华 司马^静 黄^志强",
    "ko": "강^지훈 조^은영 임^수빈",
}
_ORG = {
    "en": "Abernathy Memorial Hospital|St. Brigid's Hospital|Pemberton Heart Clinic|Threlkeldon Care Home"
    "|Castellano Radiology",
    "de": "Klinikum Schönfeld|St. Vinzenz-Krankenhaus|Praxis Wiedemann|Kreiskrankenhaus Pfistertal",
    "fr": "Clinique Montjoie|Polyclinique Sainte-Odile|Hôpital Delacroix",
    "es": "Hospital Virgen del Puerto|Clínica Belmonte|Hospital Comarcal de Arroyo",
    "it": "Ospedale San Donnino|Clinica Pellegrini|Policlinico Santoro",
    "nl": "Zijlstra Ziekenhuis|Ziekenhuis Sint Jozef|Kliniek Timmermans",
    "pt": "Hospital Santa Iria|Clínica Pacheco|Hospital de Nogueira",
    "pl": "Szpital Zieliński|Klinika Pawłowski|Szpital im. Kaczmarka",
}
_STREET = {
    "en": "1507 Pemberton Road|33 Old Mill Court, Unit 9|260 West Abernathy Blvd, Ashgrove 70124",
    "de": "Wiedemannstraße 9, 04321 Pfistertal|Am Krautgarten 17|Schönfelder Allee 210",
    "fr": "27 avenue Montjoie, 44000 Fauveville|4 ter rue du Puits|18 boulevard Rousselet",
    "es": "Calle Belmonte 7, 2º B|Paseo de la Ermita 45|Avenida Quintanilla 120",
    "it": "via Caruso 88|Corso Santoro 15, 10100 Guidotta|Piazza Pellegrini 6",
    "nl": "Boersmastraat 41, 9876 XY Kolvendam|Hendrikslaan 5|Timmerweg 230",
    "ja": "大阪府北区中之島3丁目5番7号|名古屋市東区泉1丁目2番",
}


@cache
def cases() -> tuple[Case, ...]:
    """All cases, always the same."""
    lists = text_cases.Lists(_GIVEN, _SURNAME, _OWN, _ORG, _STREET, ("Boise", "Chattanooga", "Leeds", "Perth"))
    random_ = random.Random(20260202)
    return tuple(
        case_of(language, template, random_, lists)
        for language, template, has_places in lines_of(TEMPLATES)
        for _ in range(VARIANTS if has_places else 1)
    )


@cache
def result() -> Result:
    """What cleaning does to them."""
    return evaluate(cases())


if __name__ == "__main__":
    text_cases.report(result(), cases())
