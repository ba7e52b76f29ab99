"""Check digits of national numbers: identity, social insurance and tax numbers by country.

Each function takes the number as written, with separators. Most compute a weighted sum modulo
something, with the weights and moduli that the issuing office publishes; the numbers in the tests
are the offices' own specimens. A number without a check digit is checked for its ranges and for the
date in it.
"""

from collections.abc import Callable, Sequence
from datetime import date
from operator import mul

from stockyard.core.scan.luhn import passes_luhn

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _numbers(text: str) -> list[int]:
    return list(map(int, filter(str.isdigit, text)))


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.upper()))


def _sum(weights: Sequence[int], numbers: Sequence[int]) -> int:
    return sum(map(mul, weights, numbers))


def _varied(numbers: Sequence[int]) -> bool:
    """Whether it is not one digit repeated: such numbers pass many sums and belong to nobody."""
    return len(set(numbers)) > 1


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def us_ssn(text: str) -> bool:
    number = _plain(text)
    area, group, serial = int(number[:3]), int(number[3:5]), int(number[5:])
    return area not in (0, 666) and area < 900 and group > 0 and serial > 0


def us_itin(text: str) -> bool:
    group = int(_plain(text)[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


def gb_nhs(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and (11 - _sum(range(10, 1, -1), n) % 11) % 11 == n[9]


def gb_nino(text: str) -> bool:
    return _plain(text)[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def de_tax_id(text: str) -> bool:
    """Steuer-Identifikationsnummer: ISO 7064 MOD 11,10; one digit of the first ten is repeated."""
    n = _numbers(text)
    return n[0] != 0 and len(set(n[:10])) in (8, 9) and _mod_11_10(n)


def _mod_11_10(numbers: Sequence[int]) -> bool:
    product = 10
    for n in numbers[:-1]:
        product = ((n + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == numbers[-1]


def fr_nir(text: str) -> bool:
    code = _plain(text).replace("2A", "19").replace("2B", "18")
    return code.isdigit() and 97 - int(code[:13]) % 97 == int(code[13:])


def es_dni(text: str) -> bool:
    """DNI and NIE: the number modulo 23 chooses the letter."""
    code = _plain(text)
    number = code[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1]


ODD_IT = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
)  # fmt: skip
"""What each value counts for at an odd place."""


def it_codice_fiscale(text: str) -> bool:
    code = _plain(text)
    values = [int(c) if c.isdigit() else LETTERS.index(c) for c in code[:15]]
    total = sum(ODD_IT[v] if i % 2 == 0 else v for i, v in enumerate(values))
    return LETTERS[total % 26] == code[15]


def nl_bsn(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and _sum((9, 8, 7, 6, 5, 4, 3, 2, -1), n) % 11 == 0


def ca_sin(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and n[0] not in (0, 8) and passes_luhn(n)


def au_tfn(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and _sum((1, 4, 3, 7, 5, 8, 6, 9, 10), n) % 11 == 0


def au_medicare(text: str) -> bool:
    n = _numbers(text)
    return 2 <= n[0] <= 6 and _sum((1, 3, 7, 9, 1, 3, 7, 9), n) % 10 == n[8]


VERHOEFF = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)
"""The permutation of Verhoeff's scheme, applied once per position."""


def in_aadhaar(text: str) -> bool:
    """Verhoeff: positions permute the digits, and the dihedral group of ten adds them up."""
    n = _numbers(text)
    total = 0
    for i, digit in enumerate(reversed(n)):
        total = _dihedral(total, VERHOEFF[i % 8][digit])
    return n[0] > 1 and _varied(n) and total == 0


def _dihedral(a: int, b: int) -> int:
    """Multiplication in D5: 0-4 are rotations, 5-9 reflections."""
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b - 5) % 5 + 5
    return (a - 5 - b) % 5 + 5 if b < 5 else (a - b) % 5


def br_cpf(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and all(
        _sum(range(k + 1, 1, -1), n[:k]) * 10 % 11 % 10 == n[k] for k in (9, 10)
    )


def br_cnpj(text: str) -> bool:
    n = _numbers(text)
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return _varied(n) and all(
        _sum(weights[13 - k :], n[:k]) * 10 % 11 % 10 == n[k] for k in (12, 13)
    )


def pl_pesel(text: str) -> bool:
    n = _numbers(text)
    month = (n[2] * 10 + n[3]) % 20
    return 1 <= month <= 12 and -_sum((1, 3, 7, 9, 1, 3, 7, 9, 1, 3), n) % 10 == n[10]


def pt_nif(text: str) -> bool:
    n = _numbers(text)
    return n[0] in (1, 2, 3, 5, 6, 8, 9) and -_sum(range(9, 1, -1), n) % 11 % 10 == n[8]


def be_national(text: str) -> bool:
    code = _plain(text)
    head, check = int(code[:9]), int(code[9:])
    return check in (97 - head % 97, 97 - (2_000_000_000 + head) % 97)


def at_social(text: str) -> bool:
    n = _numbers(text)
    return n[0] != 0 and _sum((3, 7, 9, 0, 5, 8, 4, 2, 1, 6), n) % 11 == n[3]


def ch_ahv(text: str) -> bool:
    n = _numbers(text)
    return -_sum((1, 3) * 6, n) % 10 == n[12]


def se_personnummer(text: str) -> bool:
    n = _numbers(text)[-10:]
    return _is_day(2000, n[2] * 10 + n[3], (n[4] * 10 + n[5]) % 60) and passes_luhn(n)


def no_fodselsnummer(text: str) -> bool:
    n = _numbers(text)
    return (
        _is_day(2000, (n[2] * 10 + n[3]) % 40, (n[0] * 10 + n[1]) % 40)
        and _sum((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), n) % 11 == 0
        and _sum((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), n) % 11 == 0
    )


def dk_cpr(text: str) -> bool:
    """Since 2007 numbers without a valid check digit are issued, so only the date is judged."""
    n = _numbers(text)
    return _is_day(2000, n[2] * 10 + n[3], n[0] * 10 + n[1])


def fi_hetu(text: str) -> bool:
    digits = "".join(c for c in text[:-1] if c.isdigit())
    return (
        _is_day(2000, int(digits[2:4]), int(digits[:2]))
        and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == text[-1].upper()
    )


def ie_pps(text: str) -> bool:
    code = _plain(text)
    total = _sum(range(8, 1, -1), _numbers(code[:7]))
    if len(code) == 9:
        total += 9 * (LETTERS.index(code[8]) + 1)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == code[7]


def cz_birth_number(text: str) -> bool:
    """Rodné číslo, also of Slovakia: ten digits divisible by eleven around a date of birth."""
    n = _numbers(text)
    month = (n[2] * 10 + n[3]) % 50 % 20
    day = n[4] * 10 + n[5]
    number = int("".join(map(str, n)))
    return _is_day(2000, month, day) and (
        number % 11 == 0 or (number // 10 % 11 == 10 and n[9] == 0)
    )


def ro_cnp(text: str) -> bool:
    n = _numbers(text)
    check = _sum((2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9), n) % 11
    return (
        _is_day(2000, n[3] * 10 + n[4], n[5] * 10 + n[6]) and (1 if check == 10 else check) == n[12]
    )


def bg_egn(text: str) -> bool:
    n = _numbers(text)
    month = (n[2] * 10 + n[3]) % 20
    return (
        _is_day(2000, month, n[4] * 10 + n[5])
        and _sum((2, 4, 8, 5, 10, 9, 7, 3, 6), n) % 11 % 10 == n[9]
    )


def hr_oib(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and _mod_11_10(n)


def ee_isikukood(text: str) -> bool:
    """Estonia and Lithuania: two rounds of weights, the second only if the first gives ten."""
    n = _numbers(text)
    if not (1 <= n[0] <= 6 and _is_day(2000, n[3] * 10 + n[4], n[5] * 10 + n[6])):
        return False
    check = _sum((1, 2, 3, 4, 5, 6, 7, 8, 9, 1), n) % 11
    if check == 10:
        check = _sum((3, 4, 5, 6, 7, 8, 9, 1, 2, 3), n) % 11 % 10
    return check == n[10]


def gr_afm(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and _sum([2**k for k in range(8, 0, -1)], n) % 11 % 10 == n[8]


def tr_tckn(text: str) -> bool:
    n = _numbers(text)
    tenth = (7 * sum(n[0:9:2]) - sum(n[1:8:2])) % 10
    return n[0] != 0 and tenth == n[9] and sum(n[:10]) % 10 == n[10]


def il_id(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and passes_luhn(n)


def za_id(text: str) -> bool:
    n = _numbers(text)
    return _is_day(2000, n[2] * 10 + n[3], n[4] * 10 + n[5]) and passes_luhn(n)


def mx_curp(text: str) -> bool:
    code = text.upper()
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(alphabet.index(c) * (18 - i) for i, c in enumerate(code[:17]))
    return str(-total % 10) == code[17]


def ar_cuit(text: str) -> bool:
    n = _numbers(text)
    return -_sum((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), n) % 11 == n[10]


def cl_rut(text: str) -> bool:
    code = _plain(text)
    n = _numbers(code[:-1])
    check = -sum(d * (2 + i % 6) for i, d in enumerate(reversed(n))) % 11
    return "0123456789K"[check] == code[-1]


def cn_resident(text: str) -> bool:
    """GB 11643: ISO 7064 MOD 11-2 around a date of birth."""
    n = _numbers(text[:17])
    born = text[6:14]
    return (
        _is_day(int(born[:4]), int(born[4:6]), int(born[6:]))
        and "10X98765432"[_sum([2**k % 11 for k in range(17, 0, -1)], n) % 11] == text[17].upper()
    )


def jp_my_number(text: str) -> bool:
    n = _numbers(text)
    rest = _sum((6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), n) % 11
    return _varied(n) and (0 if rest <= 1 else 11 - rest) == n[11]


def kr_resident(text: str) -> bool:
    """Numbers issued since October 2020 have a random tail, so only the date is judged."""
    n = _numbers(text)
    return 1 <= n[6] <= 8 and _is_day(2000, n[2] * 10 + n[3], n[4] * 10 + n[5])


def sg_nric(text: str) -> bool:
    code = text.upper()
    total = _sum((2, 7, 6, 5, 4, 3, 2), _numbers(code[1:8])) + {"T": 4, "G": 4, "M": 3}.get(
        code[0], 0
    )
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK"}
    if code[0] == "M":
        return "KLJNPQRTUWX"[10 - total % 11] == code[8]
    return letters[code[0]][total % 11] == code[8]


def hk_id(text: str) -> bool:
    code = _plain(text)
    head = code[:-1].rjust(8)
    values = [36 if c == " " else int(c, 36) for c in head]
    check = -_sum(range(9, 1, -1), values) % 11
    return "0123456789A"[check] == code[-1]


def tw_id(text: str) -> bool:
    place = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(text[0].upper()) + 10
    n = [place // 10, place % 10, *_numbers(text[1:])]
    return _sum((1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), n) % 10 == 0


def th_id(text: str) -> bool:
    n = _numbers(text)
    return _varied(n) and -_sum(range(13, 1, -1), n) % 11 % 10 == n[12]


def nz_ird(text: str) -> bool:
    n = _numbers(text)
    n = [0] * (9 - len(n)) + n
    if not 10_000_000 <= int("".join(map(str, n))) <= 150_000_000:
        return False
    check = -_sum((3, 2, 7, 6, 5, 4, 3, 2), n) % 11
    if check == 10:
        check = -_sum((7, 4, 3, 2, 5, 2, 7, 6), n) % 11
    return check == n[8]


def hu_tax_id(text: str) -> bool:
    n = _numbers(text)
    return n[0] == 8 and _sum(range(1, 10), n) % 11 == n[9]


NATIONAL: dict[str, Callable[[str], bool]] = {
    check.__name__: check
    for check in (
        us_ssn, us_itin, gb_nhs, gb_nino, de_tax_id, fr_nir, es_dni, it_codice_fiscale, nl_bsn,
        ca_sin, au_tfn, au_medicare, in_aadhaar, br_cpf, br_cnpj, pl_pesel, pt_nif, be_national,
        at_social, ch_ahv, se_personnummer, no_fodselsnummer, dk_cpr, fi_hetu, ie_pps,
        cz_birth_number, ro_cnp, bg_egn, hr_oib, ee_isikukood, gr_afm, tr_tckn, il_id, za_id,
        mx_curp, ar_cuit, cl_rut, cn_resident, jp_my_number, kr_resident, sg_nric, hk_id, tw_id,
        th_id, nz_ird, hu_tax_id,
    )
}  # fmt: skip
