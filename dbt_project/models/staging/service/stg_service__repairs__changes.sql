{{ changed_keys('service', 'cs_repairs', {'ticket_id': 'text'}) }}
