"""Builders for databases."""

from stockyard.storage.migrate import Step

STEPS = [Step("t", 1, "0001_t.sql", "create table t (n integer primary key, s text) strict")]
