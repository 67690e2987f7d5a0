"""The reference company's source systems: made up, deterministic by seed, and alive (`fupan demo advance`).

A lighting factory is told from causes to rows; no part knows of those below it:

| part | what it holds |
|---|---|
| `world`, `process` | seed, scale and first day; a business process as a function of company, days and evening |
| `tools` | chance that belongs to a key, moments, columns and Chinese texts, in vectors |
| `company` | what holds for long: products, places, people, customers, dealers, seasons, campaigns |
| `life` | what happens because of it, and what planners make of it: purchases, deliveries, stock, complaints, visits, plans |
| `processes` | one small module a business process: those facts as rows of source tables. A new table is added here |
| `systems` | the ERP's database, the platform's API, the service desk's files; faults on request |
"""
