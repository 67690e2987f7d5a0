{{ changed_keys('erp', 'erp_returns', {'return_id': 'text'}) }}
