{{ changed_keys('erp', 'erp_customers', {'customer_id': 'text'}) }}
