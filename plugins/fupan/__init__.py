"""Fupan (复盘): the nightly market-review warehouse of a consumer-goods maker."""
