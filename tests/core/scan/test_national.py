"""National numbers: the specimens that the offices publish, and the same with one digit changed."""

import pytest

from stockyard.core.scan.national import NATIONAL

SPECIMENS = [
    ("us_ssn", "219-09-9999", "000-12-3456"),
    ("us_itin", "912-70-1234", "912-40-1234"),
    ("gb_nhs", "943 476 5919", "943 476 5918"),
    ("gb_nino", "AA 12 34 56 C", "GB 12 34 56 C"),
    ("de_tax_id", "86095742719", "86095742718"),
    ("fr_nir", "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
    ("es_dni", "12345678Z", "12345678A"),
    ("es_dni", "X1234567L", "X1234567M"),
    ("it_codice_fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
    ("nl_bsn", "111222333", "111222334"),
    ("ca_sin", "193-456-787", "193-456-788"),
    ("au_tfn", "123 456 782", "123 456 783"),
    ("au_medicare", "2123 45670 1", "2123 45671 1"),
    ("in_aadhaar", "2341 2341 2346", "2341 2341 2347"),
    ("br_cpf", "111.444.777-35", "111.444.777-36"),
    ("br_cnpj", "11.222.333/0001-81", "11.222.333/0001-82"),
    ("pl_pesel", "44051401359", "44051401358"),
    ("pt_nif", "123456789", "123456788"),
    ("be_national", "85.07.30-033 28", "85.07.30-033 29"),
    ("at_social", "1237 010180", "1238 010180"),
    ("ch_ahv", "756.9217.0769.85", "756.9217.0769.84"),
    ("se_personnummer", "811218-9876", "811218-9875"),
    ("no_fodselsnummer", "01010750160", "01010750161"),
    ("dk_cpr", "070761-4285", "320761-4285"),
    ("fi_hetu", "131052-308T", "131052-308U"),
    ("ie_pps", "1234567T", "1234567W"),
    ("ie_pps", "1234567FA", "1234567GA"),
    ("cz_birth_number", "710319/2745", "710319/2746"),
    ("ro_cnp", "1800101221144", "1800101221145"),
    ("bg_egn", "7523169263", "7523169264"),
    ("hr_oib", "94577403194", "94577403195"),
    ("ee_isikukood", "37605030299", "37605030298"),
    ("ee_isikukood", "33309240064", "33309240065"),
    ("gr_afm", "094259216", "094259217"),
    ("tr_tckn", "10000000146", "10000000147"),
    ("il_id", "000000018", "000000019"),
    ("za_id", "8001015009087", "8001015009088"),
    ("mx_curp", "HEGG560427MVZRRL04", "HEGG560427MVZRRL05"),
    ("ar_cuit", "20-05536168-2", "20-05536168-3"),
    ("cl_rut", "12.345.678-5", "12.345.678-6"),
    ("cn_resident", "11010519491231002X", "110105194912310021"),
    ("jp_my_number", "123456789018", "123456789019"),
    ("kr_resident", "971013-1019902", "971313-1019902"),
    ("sg_nric", "S1234567D", "S1234567E"),
    ("sg_nric", "G1234567X", "G1234567W"),
    ("hk_id", "A123456(3)", "A123456(4)"),
    ("tw_id", "A123456789", "A123456788"),
    ("th_id", "1-2345-45678-78-1", "1-2345-45678-78-2"),
    ("nz_ird", "49-091-850", "49-091-851"),
    ("hu_tax_id", "8071592153", "8071592154"),
]


@pytest.mark.parametrize(("check", "valid", "broken"), SPECIMENS)
def test_a_specimen_passes_and_the_same_with_one_digit_changed_does_not(
    check: str, valid: str, broken: str
) -> None:
    assert NATIONAL[check](valid)
    assert not NATIONAL[check](broken)


def test_every_check_has_a_specimen() -> None:
    assert {check for check, _, _ in SPECIMENS} == set(NATIONAL)
