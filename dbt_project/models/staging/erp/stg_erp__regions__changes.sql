{{ changed_keys('erp', 'erp_regions', {'region_code': 'text'}) }}
