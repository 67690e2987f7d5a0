{{ changed_keys('service', 'cs_complaints', {'complaint_id': 'text'}) }}
