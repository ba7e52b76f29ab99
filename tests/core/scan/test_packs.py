"""Every rule of every pack finds its positive samples and none of its negative ones."""

import pytest

from stockyard.core.scan.matcher import RuleMatcher
from stockyard.core.scan.rule import Rule, pack, sample

PACKS = ("pii", "secrets", "injection")
RULES = [(name, rule) for name in PACKS for rule in pack(name).rule]


def found(rule: Rule, text: str) -> list[str]:
    return [span.rule for span in RuleMatcher([rule], least=0.6).find(sample(text))]


@pytest.mark.parametrize(("name", "rule"), RULES, ids=lambda v: v if isinstance(v, str) else v.id)
def test_a_rule_finds_its_positive_samples_and_none_of_its_negative_ones(
    name: str, rule: Rule
) -> None:
    assert [text for text in rule.positive if not found(rule, text)] == []
    assert [text for text in rule.negative if found(rule, text)] == []


@pytest.mark.parametrize(("name", "rule"), RULES, ids=lambda v: v if isinstance(v, str) else v.id)
def test_a_rule_has_at_least_two_samples_of_each_kind(name: str, rule: Rule) -> None:
    assert len(set(rule.positive)) >= 2
    assert len(set(rule.negative)) >= 2


@pytest.mark.parametrize("name", PACKS)
def test_the_ids_of_a_pack_are_unique(name: str) -> None:
    ids = [rule.id for rule in pack(name).rule]
    assert len(ids) == len(set(ids))
