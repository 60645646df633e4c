"""Check digits, each by its issuer's published rule.

A function takes a number of the right length without separators, with letters in lower case, and returns whether it may
have been issued.
"""

from __future__ import annotations

from collections.abc import Sequence


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: payment cards, Canadian SIN, Swedish personnummer."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + index % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616: with its first four characters moved to the end, and letters as 10 to 35, it is 1 modulo 97."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def nhs(digits: str) -> bool:
    """NHS number (England, Wales): modulo 11 of ten digits."""
    check = 11 - _weighted(digits[:9], range(10, 1, -1)) % 11
    return check != 10 and check % 11 == int(digits[9])


def nir(text: str) -> bool:
    """French NIR with its key of two digits; Corsican departments count as 19 and 18."""
    number = text[:13].replace("2a", "19").replace("2b", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:15])


def dni(text: str) -> bool:
    """Spanish DNI: eight digits and the letter of their remainder modulo 23."""
    return "trwagmyfpdxbnjzsqvhlcke"[int(text[:8]) % 23] == text[8]


def nie(text: str) -> bool:
    """Spanish NIE: as the DNI, with X, Y, Z for a first digit of 0, 1, 2."""
    return dni(str("xyz".index(text[0])) + text[1:])


def codice_fiscale(text: str) -> bool:
    """Italian codice fiscale: letters and digits in odd and even places have different values."""
    odd = dict(
        zip(
            "0123456789abcdefghijklmnopqrstuvwxyz",
            (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14,
             16, 10, 22, 25, 24, 23),
            strict=True,
        )
    )  # fmt: skip
    total = sum(odd[character] for character in text[0:15:2])
    total += sum(int(character) if character.isdigit() else ord(character) - 97 for character in text[1:15:2])
    return chr(97 + total % 26) == text[15]


def bsn(digits: str) -> bool:
    """Dutch BSN: the eleven test of nine digits."""
    return _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(digits) > 0


def cpf(digits: str) -> bool:
    """Brazilian CPF: two check digits modulo 11."""
    if len(set(digits)) == 1:
        return False
    return all(
        (_weighted(digits[:length], range(length + 1, 1, -1)) * 10 % 11) % 10 == int(digits[length])
        for length in (9, 10)
    )


def pesel(digits: str) -> bool:
    """Polish PESEL."""
    return (10 - _weighted(digits[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(digits[10])


def tckn(digits: str) -> bool:
    """Turkish identity number."""
    numbers = [int(digit) for digit in digits]
    tenth = (sum(numbers[0:9:2]) * 7 - sum(numbers[1:8:2])) % 10
    return numbers[0] != 0 and numbers[9] == tenth and sum(numbers[:10]) % 10 == numbers[10]


def rrn(digits: str) -> bool:
    """Korean RRN, by its date: those issued since October 2020 have no check digit."""
    return "01" <= digits[2:4] <= "12" and "01" <= digits[4:6] <= "31"


def chinese_id(text: str) -> bool:
    """Chinese resident identity number (GB 11643): ISO 7064 modulo 11-2."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10x98765432"[_weighted(text[:17], weights) % 11] == text[17]


def my_number(digits: str) -> bool:
    """Japanese individual number."""
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = _weighted(digits[:11], weights) % 11
    return (0 if rest <= 1 else 11 - rest) == int(digits[11])


def ssn(digits: str) -> bool:
    """US social security number: areas 000, 666 and from 900, group 00 and serial 0000 are never issued."""
    return digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def itin(digits: str) -> bool:
    """US individual taxpayer identification number: 9xx and groups 50-65, 70-88, 90-92, 94-99."""
    group = int(digits[3:5])
    ranges = ((50, 65), (70, 88), (90, 92), (94, 99))
    return digits[0] == "9" and any(low <= group <= high for low, high in ranges)


def vin(text: str) -> bool:
    """Vehicle identification number with the check digit in its ninth place (North America, China)."""
    values = dict(zip("abcdefghjklmnprstuvwxyz", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
                      strict=True))  # fmt: skip
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(
        (int(one) if one.isdigit() else values[one]) * weight for one, weight in zip(text, weights, strict=True)
    )
    return "0123456789x"[total % 11] == text[8]
